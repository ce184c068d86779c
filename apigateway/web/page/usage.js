// What the organization used of its month, as pictures and as a table.
import { html, useEffect, useRef, useState } from "./html.js";
import { Cost } from "./ai.js";
import { patiently, read } from "./api.js";
import { bytes, day, month, number, said, t } from "./language.js";
import { Empty, Icon, Skeleton, TroubleOf, useLoaded } from "./parts.js";

export function Usage() {
  const [asked, ask] = useState("");
  const { value, problem, again } = useLoaded(signal => patiently(() => read(`/usage${asked && `?month=${asked}`}`, { signal }), signal), [asked]);
  const [current, setCurrent] = useState("");
  if (value?.pages.limit !== undefined && value.month !== current) setCurrent(value.month);
  return html`<div class="row"><h1 class="grow">${t("usage.title")}</h1>
      ${current && html`<div class="chips" role="group" aria-label=${t("usage.month")}><button aria-pressed=${asked === ""} onClick=${() => ask("")}>${t("usage.this")}</button>
        <button aria-pressed=${asked !== ""} onClick=${() => ask(before(current))}>${t("usage.last")}</button></div>`}</div>
    ${problem ? (problem.code === "usage_not_found" ? html`<${Empty} title=${month(asked)}>${t("usage.notkept")}<//>` : html`<${TroubleOf} problem=${problem} again=${again} />`)
      : !value ? html`<${Skeleton} rows=${5} />` : html`<${Figures} usage=${value} />`}`;
}

function before(name) {
  const [year, month] = name.split("-").map(Number);
  return new Date(Date.UTC(year, month - 2, 1)).toISOString().slice(0, 7);
}

function Figures({ usage }) {
  const { pages, limits, requests, plan, organization } = usage;
  return html`${limits.suspended && html`<div class="trouble"><${Icon} name="warn" /><p>${t("usage.suspended")}</p></div>`}
    <p class="faint">${said(organization, "display_name") || organization.name} · ${month(usage.month)}</p>
    <${Meter} pages=${pages} resets=${usage.resets_at && day(usage.resets_at, usage.time_zone)} />
    <${Cost} ai=${usage.ai} />
    <${Days} usage=${usage} />
    <dl class="facts">
      <div><dt>${t("usage.plan")}</dt><dd>${said(plan, "display_name") || plan.name}</dd></div>
      <div><dt>${t("usage.minute")}</dt><dd>${t("usage.minute.left", { n: number(requests.remaining), limit: number(requests.limit) })}</dd></div>
      <div><dt>${t("usage.atonce")}</dt><dd>${number(limits.max_concurrent_jobs)}</dd></div>
      <div><dt>${t("usage.file")}</dt><dd>${bytes(limits.max_file_bytes)}</dd></div></dl>`;
}

function Meter({ pages, resets }) {
  const { used, reserved, left, limit } = pages;
  if (limit === undefined) return html`<section class="card meter"><p class="big"><b>${number(used)}</b> ${t("usage.used")}</p></section>`;
  const share = n => ({ width: `${Math.min(n / Math.max(limit, 1), 1) * 100}%` });
  return html`<section class="card meter">
    <p class="big"><b>${number(left)}</b> ${t("usage.left")} <span class="faint">${t("usage.of", { limit: number(limit) })}</span></p>
    <div class="gauge" aria-hidden="true"><span class="used" style=${share(used)} /><span class="reserved" style=${share(reserved)} /></div>
    <p class="legend"><span class="key used" />${number(used)} ${t("usage.used")} ${reserved > 0 && html`<span class="key reserved" />${number(reserved)} ${t("usage.reserved")}`}
      ${resets && html`<span class="faint">${t("usage.resets", { when: resets })}</span>`}</p></section>`;
}

const tall = 130, top = 20, foot = 24;

// useWidth tells how wide an element is, so that a picture's letters keep their size.
function useWidth() {
  const element = useRef();
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!element.current) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}

function Days({ usage }) {
  const [section, width] = useWidth();
  const { month: name, by_day, pages: { limit } } = usage;
  if (by_day.length === 0) return html`<div ref=${section}><${Empty} title=${t("usage.byday.none")}>${t("usage.byday.none.do")}<//></div>`;
  const [year, of] = name.split("-").map(Number);
  const days = new Date(Date.UTC(year, of, 0)).getUTCDate();
  const each = Array.from({ length: days }, () => 0);
  for (const { date, pages } of by_day) each[Number(date.slice(8)) - 1] += pages;
  const sums = each.map((_, i) => each.slice(0, i + 1).reduce((a, b) => a + b, 0));
  const most = Math.max(...each), last = each.findLastIndex(n => n > 0);
  const step = width / days, ceiling = Math.max(limit ?? 0, sums.at(-1), 1);
  const x = i => i * step, y = (n, of) => top + tall * (1 - n / of);
  const area = sums.slice(0, last + 1).map((sum, i) => `L${x(i)} ${y(sum, ceiling)}H${x(i + 1)}`).join("");
  const label = t("usage.byday.picture", { month: month(name), most: number(most), day: number(each.indexOf(most) + 1) });
  return html`<section class="card" aria-labelledby="byday"><div ref=${section} /><h2 id="byday">${t("usage.byday")}</h2>
    <svg class="chart" viewBox=${`0 0 ${width} ${top + tall + foot}`} height=${top + tall + foot} role="img" aria-label=${label}>
      <path class="axis" d=${`M0 ${top + tall}H${width}`} />
      ${each.map((n, i) => n > 0 && html`<g key=${i}><rect class="bar" x=${x(i) + step * 0.150} y=${y(n, most)} width=${step * 0.700} height=${tall * n / most} rx="2" />
        ${(n === most || each.filter(Boolean).length < 12) && html`<text x=${x(i) + step / 2} y=${y(n, most) - 4}>${number(n)}</text>`}</g>`)}
      ${each.map((_, i) => (i === 0 || (i + 1) % 5 === 0) && html`<text key=${i} class="faint" x=${x(i) + step / 2} y=${top + tall + 15}>${number(i + 1)}</text>`)}</svg>
    <h3>${t("usage.total")}</h3>
    <svg class="chart" viewBox=${`0 0 ${width} ${top + tall + foot}`} height=${top + tall + foot} aria-hidden="true">
      <path class="axis" d=${`M0 ${top + tall}H${width}`} />
      <path class="area" d=${`M0 ${top + tall}${area}V${top + tall}Z`} />
      <text class="end" x=${Math.min(x(last + 1) + 6, width)} y=${Math.max(y(sums.at(-1), ceiling) - 5, 28)}>${number(sums.at(-1))}</text>
      ${limit !== undefined && html`<path class="limit" d=${`M0 ${y(limit, ceiling)}H${width}`} /><text class="limit end" x=${width} y=${y(limit, ceiling) - 4}>${t("usage.limit", { n: number(limit) })}</text>`}</svg>
    <details><summary>${t("usage.table")}</summary><div class="scroll" tabindex="0" role="group" aria-labelledby="byday"><table><thead><tr><th scope="col">${t("usage.day")}</th><th scope="col">${t("usage.pages")}</th><th scope="col">${t("usage.total")}</th></tr></thead>
      <tbody>${each.map((n, i) => n > 0 && html`<tr key=${i}><th scope="row">${day(`${name}-${String(i + 1).padStart(2, "0")}T12:00:00Z`, "UTC")}</th><td>${number(n)}</td><td>${number(sums[i])}</td></tr>`)}</tbody></table></div></details></section>`;
}
