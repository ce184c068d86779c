// Which parts of a long page are about to come into view. One observer looks after all of them.
import { useEffect, useState } from "./html.js";

const watched = new Map();
const observer = new IntersectionObserver(entries => {
  for (const { target, isIntersecting } of entries) watched.get(target)?.(isIntersecting);
}, { rootMargin: "1000px 0px" });

// useNear tells whether an element is in view, or nearly.
export function useNear(element) {
  const [near, setNear] = useState(false);
  useEffect(() => {
    const at = element.current;
    watched.set(at, setNear);
    observer.observe(at);
    return () => {
      observer.unobserve(at);
      watched.delete(at);
    };
  }, []);
  return near;
}
