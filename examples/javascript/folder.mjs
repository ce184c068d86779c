#!/usr/bin/env node
// Converts every PDF of a folder to Word, each beside its document. A file that fails holds up no other. Run again it goes on:
// what is there is not fetched again, and a document that was handed in is not read a second time.
// Usage: KHOCR_URL=https://ocr.example.com KHOCR_API_KEY=khocr_... node folder.mjs FOLDER
// Needs Node 20 or later, and no packages.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const api = process.env.KHOCR_URL.replace(/\/$/, '') + '/api/v1';
const key = process.env.KHOCR_API_KEY;

// call makes a request, again and again while the API asks to come later. A month that is used up is not waited for.
async function call(path, options = {}) {
  for (;;) {
    const response = await fetch(api + path, { ...options, headers: { 'X-API-Key': key, ...options.headers } });
    if (response.ok) return response;
    const problem = await response.json();
    if (![429, 503].includes(response.status) || problem.code === 'page_quota_exceeded') {
      throw new Error(`${problem.code}: ${problem.detail}\n${problem.message_km}៖ ${problem.detail_km}`);
    }
    await pause(Number(response.headers.get('Retry-After')) * 1000);
  }
}

// submit hands a document in, under a name that is its own: sent once more it is the same job.
async function submit(file) {
  const content = await readFile(file);
  const form = new FormData();
  form.append('output_format', 'docx');
  form.append('file', new Blob([content]), basename(file));
  const headers = { 'Idempotency-Key': createHash('sha256').update(content).digest('hex') };
  return (await (await call('/convert', { method: 'POST', body: form, headers })).json()).job_id;
}

// fetchResult waits for the end of a job, and writes its result: whole, or under no name that counts.
async function fetchResult(job, result) {
  let told;
  do {
    told = await (await call(`/jobs/${job}?wait=60s`)).json();
  } while (told.status === 'QUEUED' || told.status === 'PROCESSING');
  if (told.status !== 'COMPLETED') {
    throw new Error(told.error ? `${told.error.message}\n${told.error.message_km}` : told.status);
  }
  await writeFile(`${result}.part`, (await call(`/jobs/${job}/result?format=docx`)).body);
  await rename(`${result}.part`, result);
}

const resultOf = (file) => file.replace(/\.pdf$/, '.docx');
const folder = process.argv[2];
if (!folder) {
  console.error('usage: node folder.mjs FOLDER');
  process.exit(2);
}
const documents = (await readdir(folder)).sort().filter((name) => name.endsWith('.pdf')).map((name) => join(folder, name));
const jobs = new Map();
function failed(file, error) {
  console.error(`${file}: ${error.cause?.message ?? error.message}`);
  process.exitCode = 1;
}
// All are handed in first: the platform works on as many at once as the plan allows.
for (const file of documents) {
  if (existsSync(resultOf(file))) continue;
  await submit(file).then((job) => jobs.set(file, job), (error) => failed(file, error));
}
for (const [file, job] of jobs) {
  await fetchResult(job, resultOf(file)).then(() => console.log(resultOf(file)), (error) => failed(file, error));
}
