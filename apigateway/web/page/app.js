// The page: who is signed in, which screen the address names, and what stands around every screen.
import { html, render, useEffect, useReducer } from "./html.js";
import { key, signOut } from "./api.js";
import { language, setLanguage, t, useLanguage } from "./language.js";
import { Icon, Mark, Notice, Question } from "./parts.js";
import { useStore } from "./store.js";
import { Convert } from "./convert.js";
import { Jobs } from "./jobs.js";
import { Keys } from "./keys.js";
import { Result } from "./result.js";
import { SignIn } from "./signin.js";
import { theme, toggleTheme, useTheme } from "./theme.js";
import { Usage } from "./usage.js";

const screens = { "": Convert, jobs: Jobs, usage: Usage, keys: Keys };

function useRoute() {
  const [, refresh] = useReducer(n => n + 1, 0);
  useEffect(() => {
    addEventListener("hashchange", refresh);
    return () => removeEventListener("hashchange", refresh);
  }, []);
  const [name = "", id] = location.hash.replace(/^#\/?/, "").split("/");
  return { name: name in screens ? name : "", id: (name === "jobs" && id) || "" };
}

function App() {
  const lang = useLanguage();
  const signedIn = useStore(key) !== "";
  const { name, id } = useRoute();
  const title = !signedIn ? "signin.title" : { "": "convert.title", jobs: "jobs.title", usage: "usage.title", keys: "keys.title" }[name];
  useEffect(() => {
    document.documentElement.lang = lang;
    if (!id) document.title = `${t(title)} · ${t("product")}`;
  }, [lang, title, id]);
  useEffect(() => {
    // Another screen begins at its top, for eyes and for screen readers.
    scrollTo(0, 0);
  }, [name, id]);
  const Screen = screens[name];
  return html`
    <a class="skip" href="#main" onClick=${skip}>${t("skip")}</a>
    <header class="top"><div class="inner">
      <a class="brand" href="#/"><${Mark} /><span>${t("product")}</span></a>
      ${signedIn && html`<nav aria-label=${t("nav")}>${Object.keys(screens).map(screen => html`
        <a key=${screen} href=${`#/${screen}`} aria-current=${screen === name ? "page" : undefined}>${t(`nav.${screen || "convert"}`)}</a>`)}</nav>`}
      <div class="tools">
        <button class="bare" lang=${lang === "km" ? "en" : "km"} onClick=${() => setLanguage(language() === "km" ? "en" : "km")}>${t("language.other")}</button>
        <${Theme} />
        ${signedIn && html`<button class="bare" title=${t("signout")} aria-label=${t("signout")} onClick=${signOut}><${Icon} name="out" /></button>`}
      </div></div></header>
    <main id="main" tabindex="-1">
      ${!signedIn ? html`<${SignIn} />` : id ? html`<${Result} key=${id} id=${id} />` : html`<${Screen} />`}
    </main>
    <${Notice} /><${Question} />`;
}

// The address names the screen: going to the content must not change it.
function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function Theme() {
  useTheme();
  const other = theme() === "dark" ? "light" : "dark";
  return html`<button class="bare" title=${t(`theme.${other}`)} aria-label=${t(`theme.${other}`)} onClick=${toggleTheme}>
    <${Icon} name=${other === "dark" ? "moon" : "sun"} /></button>`;
}

render(html`<${App} />`, document.getElementById("app"));
