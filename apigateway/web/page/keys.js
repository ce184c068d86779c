// The organization's keys and what they may do, to look at.
import { html } from "./html.js";
import { patiently, read } from "./api.js";
import { day, has, moment, number, said, t } from "./language.js";
import { Skeleton, TroubleOf, useLoaded } from "./parts.js";

export function Keys() {
  const { value, problem, again } = useLoaded(signal => patiently(() => read("/usage", { signal }), signal), []);
  return html`<h1>${t("keys.title")}</h1>${problem ? html`<${TroubleOf} problem=${problem} again=${again} />` : !value ? html`<${Skeleton} />` : html`<${Table} usage=${value} />`}`;
}

function Table({ usage: { organization, by_key } }) {
  return html`<p class="hint">${t("keys.about", { organization: said(organization, "display_name") || organization.name })}</p>
    <div class="card scroll" tabindex="0" role="group" aria-label=${t("keys.title")}><table class="keys"><thead><tr>${["name", "scopes", "expires", "lastused", "pages"].map(column => html`<th key=${column} scope="col">${t(`keys.${column}`)}</th>`)}</tr></thead>
      <tbody>${by_key.map(key => html`<tr key=${key.key ?? ""}>
        <th scope="row">${key.key ?? t("keys.without")}${key.removed && html` <span class="badge">${t("keys.removed")}</span>`}</th>
        <td data-label=${t("keys.scopes")}><span>${(key.scopes || []).map(scope => html`<span key=${scope} class="badge" title=${scope}>${has(`scope.${scope}`) ? t(`scope.${scope}`) : scope}</span> `)}</span></td>
        <td data-label=${t("keys.expires")}><span>${key.key && !key.removed && (!key.expires_at ? t("keys.unlimited") : html`${day(key.expires_at)}${new Date(key.expires_at) < new Date() && html` <span class="badge" data-status="FAILED">${t("keys.expired")}</span>`}`)}</span></td>
        <td data-label=${t("keys.lastused")}><span>${key.last_used_at ? moment(key.last_used_at) : t("keys.never")}</span></td>
        <td data-label=${t("keys.pages")}><span>${number(key.pages)}</span></td></tr>`)}</tbody></table></div>`;
}
