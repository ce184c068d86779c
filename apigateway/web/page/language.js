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

// Chromium knows no Khmer numbers and dates. Offices write figures as in English, and months by their names.
export const number = n => new Intl.NumberFormat("en").format(n);

// money is an amount of a currency, whatever people call that.
export const money = (n, currency) => `${new Intl.NumberFormat("en", { maximumFractionDigits: 6 }).format(n)}\u00a0${currency}`;

export const percent = n => Math.round(n) + "%";

export function bytes(n) {
  const mega = n / (1 << 20);
  const [value, unit] = mega >= 1 ? [mega, "MB"] : [n / 1024, "KB"];
  return new Intl.NumberFormat("en", { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value) + "\u00a0" + unit;
}

const months = ["មករា", "កុម្ភៈ", "មីនា", "មេសា", "ឧសភា", "មិថុនា", "កក្កដា", "សីហា", "កញ្ញា", "តុលា", "វិច្ឆិកា", "ធ្នូ"];

function dated(time, timeZone, khmer, english) {
  if (language() !== "km") return new Intl.DateTimeFormat("en-GB", { timeZone, ...english }).format(new Date(time));
  const parts = new Intl.DateTimeFormat("en", { timeZone, year: "numeric", month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).formatToParts(new Date(time));
  const part = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
  return khmer({ ...part, month: months[part.month - 1] });
}

export const moment = time => dated(time, undefined, ({ day, month, year, hour, minute }) => `${day} ${month} ${year} ម៉ោង ${hour}:${minute}`, { dateStyle: "medium", timeStyle: "short" });

// Days are those of the time zone that is named, where one is.
export const day = (time, timeZone) => dated(time, timeZone, ({ day, month, year }) => `ថ្ងៃទី ${day} ខែ${month} ឆ្នាំ ${year}`, { dateStyle: "long" });

export const month = name => dated(name + "-01T00:00:00Z", "UTC", ({ month, year }) => `ខែ${month} ឆ្នាំ ${year}`, { month: "long", year: "numeric" });

export function duration(seconds) {
  if (seconds < 60) return t("seconds", { n: number(Math.max(Math.round(seconds), 1)) });
  if (seconds < 3600) return t("minutes", { n: number(Math.round(seconds / 60)) });
  return t("hours", { n: number(Math.round(seconds / 360) / 10) });
}
