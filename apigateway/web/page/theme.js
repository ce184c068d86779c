// Light or dark: as the system says, until somebody says otherwise.
import { store, useStore } from "./store.js";

const remembered = "khocr.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const chosen = store(localStorage.getItem(remembered) || "");

export const theme = () => chosen.get() || (system.matches ? "dark" : "light");
export const useTheme = () => useStore(chosen);

export function toggleTheme() {
  const next = theme() === "dark" ? "light" : "dark";
  localStorage.setItem(remembered, next);
  chosen.set(next);
}

const show = () => document.documentElement.dataset.theme = theme();
chosen.subscribe(show);
system.addEventListener("change", () => {
  show();
  chosen.set(chosen.get());
});
show();
