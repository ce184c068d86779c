// Signing in: the key is tried before it is kept.
import { html, useRef, useState } from "./html.js";
import { read, refusedKey, signIn } from "./api.js";
import { t } from "./language.js";
import { Icon, Mark, Trouble } from "./parts.js";
import { useStore } from "./store.js";

export function SignIn() {
  const refused = useStore(refusedKey);
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const [shown, show] = useState(false);
  const input = useRef();
  const shownProblem = problem || refused;

  async function submit(event) {
    event.preventDefault();
    const secret = input.current.value.trim();
    if (!secret) {
      setProblem({ code: "", empty: true });
      return input.current.focus();
    }
    setBusy(true);
    try {
      // A header cannot carry it otherwise, and no key has anything else.
      if (!/^[\x21-\x7e]+$/.test(secret)) throw { code: "invalid_api_key", body: { detail: "The API key is not known.", detail_km: "មិនស្គាល់កូដ API នេះទេ។" } };
      await read("/usage", { secret });
      refusedKey.set(null);
      signIn(secret);
    } catch (problem) {
      setProblem(problem);
      setBusy(false);
      input.current.focus();
    }
  }

  return html`<section class="signin"><div class="welcome"><${Mark} /><h1>${t("product")}</h1><p>${t("tagline")}</p></div>
    <form class="card" onSubmit=${submit} novalidate>
      <h2>${t("signin.title")}</h2>
      <label for="key">${t("signin.key")}</label>
      <div class="joined"><input id="key" ref=${input} type=${shown ? "text" : "password"} autocomplete="off" spellcheck=${false} autocapitalize="off"
        placeholder="khocr_…" aria-describedby="key-hint" aria-invalid=${Boolean(shownProblem)} autofocus />
        <button type="button" class="bare" aria-label=${t(shown ? "signin.hide" : "signin.show")} aria-pressed=${shown} onClick=${() => show(!shown)}><${Icon} name="eye" /></button></div>
      <p id="key-hint" class="hint">${t("signin.hint")}</p>
      ${shownProblem && (shownProblem.empty ? html`<p class="wrong" role="alert">${t("signin.empty")}</p>`
        : html`<${Trouble} code=${shownProblem.code || "unknown"} body=${shownProblem.body} />`)}
      <button class="primary wide" disabled=${busy}>${t(busy ? "signin.doing" : "signin.do")}</button>
      <p class="faint">${t("signin.kept")}</p>
    </form>
    <p class="faint"><a href="/docs">${t("docs")}</a></p></section>`;
}
