// The two languages of the page: which one is chosen, and how texts, numbers and times are told in it.
import { strings } from "./strings.js";
import { store, useStore } from "./store.js";

const remembered = "khocr.language";

// The browser's order decides, as Accept-Language does: Khmer where it stands before English.
function preferred() {
  const kept = localStorage.getItem(remembered);
  if (kept === "km" || kept === "en") return kept;
  return navigator.languages.map(tag => tag.slice(0, 2).toLowerCase()).find(tag => tag === "km" || tag === "en") || "en";
}

const chosen = store(preferred());

export const language = () => chosen.get();
export const useLanguage = () => useStore(chosen);

export function setLanguage(to) {
  localStorage.setItem(remembered, to);
  chosen.set(to);
}

// t is a text in the chosen language, with {names} filled in.
export function t(key, values = {}) {
  const pair = strings[key];
  if (!pair) throw new Error(`there is no text ${key}`);
  return pair[language() === "km" ? 0 : 1].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export const has = key => key in strings;

// said picks what the API says in both languages, as field and field_km.
export const said = (from, field) => (language() === "km" && from[`${field}_km`]) || from[field] || "";

export const number = n => new Intl.NumberFormat(language()).format(n);

export const percent = n => new Intl.NumberFormat(language(), { maximumFractionDigits: 0 }).format(n) + "%";

export function bytes(n) {
  const mega = n / (1 << 20);
  const [value, unit] = mega >= 1 ? [mega, "MB"] : [n / 1024, "KB"];
  return new Intl.NumberFormat(language(), { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value) + " " + unit;
}

export const moment = time => new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(time));

export const day = time => new Intl.DateTimeFormat(language(), { dateStyle: "long" }).format(new Date(time));

export const month = name => new Intl.DateTimeFormat(language(), { month: "long", year: "numeric", timeZone: "UTC" }).format(new Date(name + "-01T00:00:00Z"));

export function duration(seconds) {
  if (seconds < 60) return t("seconds", { n: number(Math.round(seconds)) });
  if (seconds < 3600) return t("minutes", { n: number(Math.round(seconds / 60)) });
  return t("hours", { n: number(Math.round(seconds / 360) / 10) });
}
