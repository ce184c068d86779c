// The public API, as this page uses it. The key is kept in the tab alone, goes with every request in a header, and never into
// an address.
import { store } from "./store.js";

const kept = "khocr.key";

export const key = store(sessionStorage.getItem(kept) || "");

export function signIn(secret) {
  sessionStorage.setItem(kept, secret);
  key.set(secret);
}

export function signOut() {
  sessionStorage.clear();
  key.set("");
}

// Problem is an answer that says no, or that there was none: then its code is "offline".
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body.code);
    Object.assign(this, { status, code: body.code || "internal_error", body, retryAfter });
  }
}

export const offline = () => new Problem(0, { code: "offline" });

// problemOf reads an answer that is none of those asked for.
export function problemOf(status, text, retryAfter) {
  let body = {};
  try {
    body = JSON.parse(text);
  } catch {
    // A proxy on the way answers as it likes.
  }
  return new Problem(status, body, Number(retryAfter) || 0);
}

// headers of every request. Both languages of an error are in its answer, so that it can be read after a switch.
export const headers = () => ({ "X-API-Key": key.get(), "Accept-Language": "en" });

// call asks for a path below /api/v1 and gives the answer, or throws a Problem. The key that turns out to be none any more is
// forgotten.
export async function call(path, { secret, ...init } = {}) {
  let answer;
  try {
    answer = await fetch("/api/v1" + path, { ...init, cache: "no-store", headers: { ...headers(), ...(secret && { "X-API-Key": secret }), ...init.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw offline();
  }
  if (answer.ok) return answer;
  const problem = problemOf(answer.status, await answer.text(), answer.headers.get("Retry-After"));
  if (problem.status === 401 && !secret && key.get()) expired(problem);
  throw problem;
}

export const read = async (path, init) => (await call(path, init)).json();

// refusedKey is why the key that was there is none any more; the next sign-in shows it.
export const refusedKey = store(null);

export function expired(problem) {
  sessionStorage.removeItem(kept);
  refusedKey.set(problem);
  key.set("");
}

// patiently asks again while the answer is that it must only be asked a little later.
export async function patiently(ask, signal) {
  for (;;) {
    try {
      return await ask();
    } catch (problem) {
      if (!(problem instanceof Problem) || !["rate_limited", "too_many_transfers", "service_unavailable", "store_unavailable"].includes(problem.code)) throw problem;
      await pause((problem.retryAfter || 2) * 1000, signal);
    }
  }
}

// pause ends after the time, or with the signal's reason.
export const pause = (milliseconds, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, milliseconds);
  signal?.addEventListener("abort", () => {
    clearTimeout(timer);
    reject(signal.reason);
  });
});

// random is a name that nobody else has made up. (randomUUID is there on encrypted connections only.)
export const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, "0")).join("");

// save gives the person a file that an address of the API answers with.
export async function save(path) {
  const answer = await patiently(() => call(path));
  const name = fileName(answer.headers.get("Content-Disposition") || "");
  saveAs(await answer.blob(), name);
  return name;
}

function saveAs(content, name) {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser has begun to write by then
}

function fileName(disposition) {
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(disposition);
  if (encoded) return decodeURIComponent(encoded[1]);
  return /filename="?([^";]+)"?/i.exec(disposition)?.[1] || "result";
}
