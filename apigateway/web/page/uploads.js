// The files that are being handed in. They go on while another screen is shown; what is known of them, but not the files
// themselves, outlives a reload of the tab.
import { expired, headers, key, offline, patiently, problemOf, random, read } from "./api.js";
import { follow } from "./live.js";
import { store } from "./store.js";

const kept = "khocr.uploads";
const atOnce = 2;

// An upload is {id, turn, name, size, options, state, sent, job, problem, again}. Its id is its Idempotency-Key for good: however often it
// is sent, it becomes one job. States: waiting, sending, lost (goes on by itself), refused, held (like the one before it),
// missing (the reload took its file), accepted.
export const uploads = store(restored());
const files = new Map();
const requests = new Map();
let timer = 0;

function restored() {
  const known = JSON.parse(sessionStorage.getItem(kept) || "[]");
  for (const upload of known) {
    if (upload.job) follow(upload.job);
    else if (upload.state !== "refused") upload.state = "missing";
    else upload.problem = { ...upload.problem, gone: true };
  }
  return known;
}

key.subscribe(() => {
  if (key.get()) return pump();
  // Signing out forgets everything; a key that was refused may be followed by a good one.
  const forgotten = !sessionStorage.getItem(kept);
  for (const request of [...requests.values()]) request.abort();
  if (forgotten) {
    files.clear();
    keep([]);
  }
});

function keep(next) {
  uploads.set(next);
  sessionStorage.setItem(kept, JSON.stringify(next.map(({ id, turn, name, size, options: { password, ...options }, state, job, problem }) =>
    ({ id, turn, name, size, options, state, job, problem: problem && { code: problem.code, body: problem.body } }))));
}

const update = (id, change) => keep(uploads.get().map(upload => (upload.id === id ? { ...upload, ...change } : upload)));

// add takes files in. One that a reload took away, and that is chosen again, goes on under the name that it had.
export function add(chosen, options, limit) {
  const known = [...uploads.get()], added = [];
  for (const file of chosen) {
    const at = known.findIndex(upload => upload.state === "missing" && upload.name === file.name && upload.size === file.size);
    const upload = at >= 0 ? { ...known[at], options: { ...known[at].options, password: options.password } }
      : { id: random(), turn: Math.max(0, ...[...known, ...added].map(({ turn }) => turn)) + 1, name: file.name, size: file.size, options };
    Object.assign(upload, { state: "waiting", sent: 0, problem: null });
    if (limit && file.size > limit) Object.assign(upload, { state: "refused", problem: { code: "file_too_large", body: {}, limit } });
    else if (file.size === 0) Object.assign(upload, { state: "refused", problem: { code: "empty_file", body: {} } });
    else files.set(upload.id, file);
    if (at >= 0) known[at] = upload;
    else added.push(upload);
  }
  keep([...added, ...known]);
  pump();
}

// again sends what was refused or held once more.
export function again(...ids) {
  for (const id of ids) update(id, { state: files.has(id) ? "waiting" : "missing", problem: null, again: 0 });
  pump();
}

// retry has a job that failed done once more, and shows the new one in its place.
export async function retry(id) {
  const { job } = uploads.get().find(upload => upload.id === id);
  const { job_id } = await patiently(() => read(`/jobs/${job}/retry`, { method: "POST", headers: { "Idempotency-Key": `retry-${job}` } })); // however often it is asked for, it is one
  update(id, { job: job_id });
  follow(job_id);
}

// forget takes a file off the list; what became a job stays one.
export function forget(...ids) {
  for (const id of ids) {
    requests.get(id)?.abort();
    files.delete(id);
  }
  keep(uploads.get().filter(upload => !ids.includes(upload.id)));
}

addEventListener("online", () => {
  for (const upload of uploads.get()) if (upload.state === "lost") update(upload.id, { again: 0 });
  pump();
});

// A tab that is closed over a file on its way asks whether it may.
addEventListener("beforeunload", event => {
  if (requests.size > 0) event.preventDefault();
});

// pump sends what waits, from the first that was chosen, a few at once.
function pump() {
  clearTimeout(timer);
  if (!key.get()) return;
  const now = Date.now();
  let next = Infinity;
  for (const upload of uploads.get().toSorted((a, b) => a.turn - b.turn)) {
    if (requests.size >= atOnce) return;
    if (upload.state !== "waiting" && upload.state !== "lost" || requests.has(upload.id)) continue;
    if ((upload.again || 0) > now) next = Math.min(next, upload.again);
    else send(upload);
  }
  if (next < Infinity) timer = setTimeout(pump, next - now);
}

function send(upload) {
  const form = new FormData();
  for (const [name, value] of Object.entries(upload.options)) if (value) form.append(name, value);
  form.append("file", files.get(upload.id), upload.name);
  const request = new XMLHttpRequest(); // fetch tells nothing of what is sent already
  requests.set(upload.id, request);
  request.open("POST", "/api/v1/convert");
  for (const [name, value] of Object.entries({ ...headers(), "Idempotency-Key": upload.id })) request.setRequestHeader(name, value);
  request.upload.onprogress = ({ loaded, total }) => update(upload.id, { sent: Math.min(loaded / total, 1) });
  const ended = settle => () => {
    requests.delete(upload.id);
    settle();
    pump();
  };
  request.onload = ended(() => {
    if (request.status === 202) return accepted(upload, JSON.parse(request.responseText).job_id);
    refused(upload, problemOf(request.status, request.responseText, request.getResponseHeader("Retry-After")));
  });
  request.onerror = ended(() => lost(upload, offline()));
  request.onabort = ended(() => update(upload.id, { state: "waiting" }));
  update(upload.id, { state: "sending", sent: 0, problem: null });
  request.send(form);
}

function accepted(upload, job) {
  files.delete(upload.id);
  update(upload.id, { state: "accepted", sent: 1, job, options: { ...upload.options, password: undefined } });
  follow(job);
}

// lost goes on by itself, later each time.
function lost(upload, problem) {
  const tries = (upload.tries || 0) + 1;
  const wait = problem.retryAfter ? problem.retryAfter * 1000 : Math.min(1000 * 2 ** tries, 30_000);
  update(upload.id, { state: "lost", problem, tries, again: Date.now() + wait });
}

function refused(upload, problem) {
  if (problem.status === 401) {
    update(upload.id, { state: "waiting" });
    return expired(problem);
  }
  if (problem.code === "rate_limited") {
    // The minute's limit holds for every file that waits.
    const at = Date.now() + (problem.retryAfter || 5) * 1000;
    return keep(uploads.get().map(other => (other.id === upload.id || other.state === "waiting" ? { ...other, state: "waiting", problem, again: at } : other)));
  }
  if (problem.status === 0 || problem.status >= 500 || ["too_many_transfers", "upload_incomplete", "upload_too_slow"].includes(problem.code)) return lost(upload, problem);
  if (problem.code === "page_quota_exceeded" || problem.status === 403) {
    // What stopped this one would stop all: they stay here, unsent.
    return keep(uploads.get().map(other => {
      if (other.id === upload.id) return { ...other, state: "refused", problem };
      return other.state === "waiting" || other.state === "lost" ? { ...other, state: "held", problem } : other;
    }));
  }
  update(upload.id, { state: "refused", problem });
}
