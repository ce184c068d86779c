// What is said of AI models: before a document is sent to one, of a job that one has to do with, and of each of its pages.
import { html } from "./html.js";
import { has, money, number, said, t } from "./language.js";
import { Icon } from "./parts.js";

const isAI = model => model?.type === "ai";

// helperAmong finds the AI model that a submission would be read or corrected by: the chosen one, or to correct the first that may be used.
export function helperAmong(models, { model, correct }) {
  const chosen = models.find(({ id }) => id === model);
  if (isAI(chosen)) return chosen;
  return correct === "ai" ? models.filter(model => isAI(model) && model.allowed).toSorted((a, b) => (a.id < b.id ? -1 : 1))[0] : undefined;
}

export const reads = (model, { correct }) => isAI(model) && correct !== "ai";

// costOf a model in words, empty where it costs nothing but a page of the month for each. Pages that it corrects count as one each.
function costOf({ price, pages_per_page }, reading) {
  const parts = [];
  if (price?.per_page) parts.push(t("ai.cost.page", { cost: money(price.per_page, price.currency) }));
  if (price?.per_million_input_tokens || price?.per_million_output_tokens) {
    parts.push(t("ai.cost.tokens", { asked: money(price.per_million_input_tokens, price.currency), answered: money(price.per_million_output_tokens, price.currency) }));
  }
  if (reading && pages_per_page > 1) parts.push(t("ai.cost.pages", { n: number(pages_per_page) }));
  return parts.join(" ");
}

// Before tells of the AI model what one should know before a document is sent. Strict tells that pages which it does not read are left out.
export function Before({ model, reading, strict }) {
  if (!model) return null;
  const cost = costOf(model, reading);
  return html`<div class="ai-note" role="status"><p><span class="badge ai">AI</span> <b>${said(model, "name")}</b> ${t(reading ? "ai.reads" : "ai.corrects")} ${t("ai.check")}</p>
    ${cost && html`<p>${cost}</p>`}
    ${model.leaves_cluster && html`<p class="warn"><${Icon} name="warn" /> <strong>${t(reading ? "ai.leaves" : "ai.leaves.lines")}</strong> ${t("ai.leaves.do")}</p>`}
    ${!model.ready && html`<p class="warn"><${Icon} name="warn" /> ${said(model, "message")} ${t(strict ? "ai.away.strict" : "ai.away")}</p>`}</div>`;
}

// OfJob tells which AI model has to do with a job, and how many pages it has read.
export function OfJob({ job: { ai, pages, status } }) {
  if (!ai) return null;
  const counted = ai.role === "reader" && status === "COMPLETED" && pages;
  return html` <span class="faint">· <span class="badge ai">AI</span> ${counted ? t("ai.job.read", { model: ai.model, n: number(pages.ai || 0), all: number(pages.recognized) }) : ai.model}${ai.leaves_cluster ? ` · ${t("ai.job.leaves")}` : ""}</span>`;
}

const why = ({ reason, message }) => (has(`ai.reason.${reason}`) ? t(`ai.reason.${reason}`) : message || "");

// aboutPage says what an AI model did with a page, or why it did nothing.
function aboutPage({ ai, error }) {
  const { model, role, used, reason, lines, lines_corrected } = ai;
  if (role === "corrector") {
    if (used) return t("ai.page.corrected", { model, n: number(lines_corrected || 0), all: number(lines || 0) });
    if (reason) return t("ai.page.uncorrected", { model, why: why(ai) });
    return t(lines ? "ai.page.unchanged" : "ai.page.sure", { model, all: number(lines || 0) });
  }
  if (used) return t("ai.page.read", { model });
  return t(error ? "ai.page.failed" : "ai.page.fellback", { model, why: why(ai) });
}

export const OfPage = ({ page }) => page.ai && html`<p class="ai-page" data-used=${page.ai.used}><span class="badge ai">AI</span> ${aboutPage(page)}</p>`;

// Cost of the month, against the limit, and by model.
export function Cost({ ai }) {
  if (!ai) return null;
  const { cost, currency, limit, left, models } = ai;
  return html`<section class="card meter" aria-labelledby="ai-cost"><h2 id="ai-cost">${t("ai.usage")}</h2>
    <p class="big"><b>${money(cost, currency)}</b> ${limit === null ? t("ai.usage.nolimit") : t("ai.usage.limit", { limit: money(limit, currency), left: money(left, currency) })}</p>
    ${limit !== null && html`<div class="gauge" aria-hidden="true"><span class="used" style=${{ width: `${Math.min(limit > 0 ? cost / limit : 1, 1) * 100}%` }} /></div>`}
    ${limit !== null && left === 0 && html`<p class="warn">${t("ai.usage.over")}</p>`}
    ${models.length > 0 && html`<div class="scroll" tabindex="0" role="group" aria-labelledby="ai-cost"><table><thead><tr><th scope="col">${t("model")}</th><th scope="col">${t("usage.pages")}</th>
      <th scope="col">${t("ai.usage.fallbacks")}</th><th scope="col">${t("ai.usage.tokens")}</th><th scope="col">${t("ai.usage.cost")}</th></tr></thead>
      <tbody>${models.map(model => html`<tr key=${model.model}><th scope="row">${model.model}</th><td>${number(model.pages)}</td><td>${number(model.fallbacks)}</td>
        <td>${number(model.input_tokens)} / ${number(model.output_tokens)}</td><td>${money(model.cost, currency)}</td></tr>`)}</tbody></table></div>`}</section>`;
}
