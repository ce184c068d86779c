// A value that outlives the screens that show it.
import { useLayoutEffect, useReducer } from "./html.js";

export function store(value) {
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      value = next;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

// useStore shows a store's value, now and whenever it changes.
export function useStore(of) {
  const [, refresh] = useReducer(n => n + 1, 0);
  const shown = of.get();
  useLayoutEffect(() => {
    if (of.get() !== shown) refresh(); // it changed between drawing and now
    return of.subscribe(refresh);
  }, [of]);
  return shown;
}
