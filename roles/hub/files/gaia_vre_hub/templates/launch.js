// What the launch page gains with JavaScript: search, keywords, a summary, a live link. Without it, everything shows.
addEventListener("DOMContentLoaded", () => {
  const root = document.querySelector("div.vre");
  const form = root && root.closest("form");
  if (!form || !root.dataset.page) return;
  const say = JSON.parse(root.dataset.say);
  const find = (selector, inside = root) => Array.from(inside.querySelectorAll(selector));
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

  // -- search -------------------------------------------------------------------------------------
  const tools = root.querySelector(".vre-tools");
  const cards = find("[data-keywords]").map((card) => ({
    card,
    input: card.querySelector("input"),
    text: plain(`${card.textContent} ${card.dataset.words} ${card.dataset.keywords}`),
    keywords: JSON.parse(card.dataset.keywords),
  }));
  const search = () => {
    const wanted = plain(tools.querySelector("input").value).split(/\s+/).filter(Boolean);
    const pressed = find("[aria-pressed=true]", tools).map((button) => button.textContent);
    const searching = wanted.length + pressed.length > 0;
    root.classList.toggle("vre-searching", searching);
    let shown = 0;
    for (const { card, input, text, keywords } of cards) {
      const match =
        wanted.every((word) => text.includes(word)) && pressed.every((keyword) => keywords.includes(keyword));
      shown += match;
      // What is ticked is never out of sight.
      card.hidden = !match && !(input.checked && input.type === "checkbox");
    }
    const told = shown ? say.found.replace("{value}", shown) : say.found_none;
    tools.querySelector("[role=status]").textContent = searching ? told : "";
  };
  if (tools) {
    tools.hidden = false;
    tools.addEventListener("input", search);
    tools.addEventListener("click", (event) => {
      const button = event.target.closest("[aria-pressed]");
      if (!button) return;
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      search();
    });
    tools.addEventListener("keydown", (event) => {
      if (event.target.type !== "search") return;
      if (event.key === "Enter") event.preventDefault(); // searching is not starting
      if (event.key === "Escape") {
        event.target.value = "";
        search();
      }
    });
  }

  // -- the choice in words and as a link ----------------------------------------------------------
  const summary = form.querySelector("#vre-summary");
  const links = root.querySelector(".vre-link");
  const picked = (name) => find(`[name=${name}]`).filter((input) => input.type === "hidden" || input.checked);
  const show = () => {
    const choice = picked("choice")[0];
    if (!choice) return;
    const free = choice.value === "free";
    const business = free ? picked("business") : [];
    const images = free ? [...picked("system"), ...business] : [choice];
    const resources = picked("resources").filter((input) => input.value);
    const query = new URLSearchParams();
    if (free) picked("system").forEach((input) => query.append("system", input.value));
    else query.append("composition", choice.value.replace("composition:", ""));
    business.forEach((input) => query.append("business", input.value));
    resources.forEach((input) => query.append("resources", input.value));
    if (links.querySelector("[type=checkbox]").checked)
      images.flatMap((input) => JSON.parse(input.dataset.pins)).forEach((pin) => query.append("pin", pin));
    const address = new URL(root.dataset.page, location.href);
    address.search = query.toString().replaceAll("%40", "@").replaceAll("%3A", ":");
    links.querySelector("[type=text]").value = address.href;
    if (!summary) return; // no new session may start, and the page says why
    const title = (input) => input.dataset.title;
    const parts = free ? (business.length ? business : picked("system")).map(title) : [title(choice)];
    summary.textContent = `${say.your_session} `;
    summary.append(Object.assign(document.createElement("b"), { textContent: parts.join(" + ") }));
    if (free && !business.length) summary.append(` · ${say.none_ticked}`);
    if (resources.length) summary.append(` · ${title(resources[0])}`);
  };
  links.hidden = false;
  links.querySelector("button").addEventListener("click", async () => {
    const field = links.querySelector("[type=text]");
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy"); // a hub without TLS has no clipboard
    }
    links.querySelector("[role=status]").textContent = say.copied;
  });
  form.addEventListener("change", (event) => {
    const own = root.querySelector("#vre-free");
    if (own && event.target.name === "business" && event.target.checked) own.checked = true;
    links.querySelector("[role=status]").textContent = "";
    show();
  });
  show();

  for (const time of find("time"))
    time.textContent = new Date(time.dateTime).toLocaleString(root.lang, { dateStyle: "medium", timeStyle: "short" });
  // Back from a session: the offer may be another one by now.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
});
