// How jobs stand, told as it changes. A browser opens six connections to a host: a few jobs have a stream of events each, all
// others are asked after in turns.
import { key, patiently, pause, Problem, read } from "./api.js";
import { store, useStore } from "./store.js";

const streamsAtOnce = 2;

// jobs by id, as they were last seen; {gone: code} for those that are none any more.
export const jobs = store({});
const followed = new Set();
const streams = new Map();
let asking = false;

export const ended = job => ["COMPLETED", "FAILED", "CANCELLED"].includes(job.status) || Boolean(job.gone);

export const useJob = id => useStore(jobs)[id];

export function see(job) {
  // What was asked earlier may come later.
  const known = jobs.get()[job.id];
  if (known && ended(known) && !ended(job)) return;
  jobs.set({ ...jobs.get(), [job.id]: job });
  if (ended(job)) unfollow(job.id);
}

export function forgetJob(id, code) {
  jobs.set({ ...jobs.get(), [id]: { id, gone: code } });
  unfollow(id);
}

// follow keeps up with a job until it has ended.
export function follow(id) {
  const known = jobs.get()[id];
  if (known && ended(known)) return;
  followed.add(id);
  work();
}

function unfollow(id) {
  followed.delete(id);
  streams.get(id)?.close();
  streams.delete(id);
  work();
}

key.subscribe(() => {
  if (key.get()) return work();
  for (const id of [...streams.keys()]) {
    streams.get(id).close();
    streams.delete(id);
  }
  followed.clear();
  jobs.set({});
});

function work() {
  if (!key.get()) return;
  for (const id of followed) {
    if (streams.size >= streamsAtOnce) break;
    if (!streams.has(id)) stream(id);
  }
  if (!asking && followed.size > streams.size) askInTurns();
}

async function stream(id) {
  streams.set(id, { close() {} }); // the place is taken while the address is asked for
  try {
    const { url } = await patiently(() => read(`/jobs/${id}/events`, { method: "POST" }));
    if (!followed.has(id)) return;
    const events = new EventSource(url);
    streams.set(id, events);
    events.addEventListener("progress", event => see(JSON.parse(event.data)));
    events.addEventListener("end", event => see(JSON.parse(event.data)));
    // It comes back by itself after an interruption, unless it was refused: then the job is waited for.
    events.onerror = () => {
      if (events.readyState === EventSource.CLOSED && followed.has(id)) wait(id);
    };
  } catch (problem) {
    if (followed.has(id)) failed(id, problem) || wait(id);
  }
}

// wait follows a job without a stream, for as long as that takes.
async function wait(id) {
  while (followed.has(id) && key.get()) {
    try {
      see(await patiently(() => read(`/jobs/${id}?wait=10s`)));
    } catch (problem) {
      if (failed(id, problem)) return;
      await pause(3000);
    }
  }
}

async function askInTurns() {
  asking = true;
  while (key.get()) {
    const others = [...followed].filter(id => !streams.has(id));
    if (others.length === 0) break;
    for (const id of others) {
      if (!followed.has(id) || streams.has(id)) continue;
      try {
        see(await patiently(() => read(`/jobs/${id}`)));
      } catch (problem) {
        failed(id, problem);
      }
      await pause(Math.max(3000 / others.length, 300));
    }
  }
  asking = false;
}

// failed tells whether there is no use in asking again.
function failed(id, problem) {
  if (!(problem instanceof Problem) || ![404, 410].includes(problem.status)) return problem.status === 401;
  forgetJob(id, problem.code);
  return true;
}
