// A card in JupyterLab's launcher (also in its Help menu and command palette) that shows what the hub started.
// Written as JupyterLab loads it, a webpack container, so that nothing has to be built: `get` gives the plugin,
// and JupyterLab's own packages come from the scope that `init` is handed.
(() => {
  const NAME = "gaia-vre-session";
  const FRENCH = navigator.language.startsWith("fr");
  const SAYS = {
    title: FRENCH ? "Cette session" : "This session",
    composition: FRENCH ? "Composition :" : "Composition:",
    image: FRENCH ? "Image" : "Image",
    version: "Version",
    exactly: FRENCH ? "Exactement (référence à citer)" : "Exactly (reference to cite)",
    again: FRENCH ? "Refaire cette session" : "Make this session again",
    help: FRENCH
      ? "Arrêtez d'abord cette session (Fichier → Panneau de contrôle du hub), puis ouvrez un de ces liens."
      : "Stop this session first (File → Hub Control Panel), then open one of these links.",
    link: FRENCH ? "Mêmes environnements, versions actuelles" : "Same environments, current versions",
    pinned_link: FRENCH
      ? "Exactement ces versions (tant que le hub les garde)"
      : "Exactly these versions (as long as the hub keeps them)",
    copy: FRENCH ? "Copier" : "Copy",
    copied: FRENCH ? "Copié" : "Copied",
  };
  const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">
    <g class="jp-icon3" fill="#616161"><path d="M11 7h2v2h-2zm0 4h2v6h-2z"/><path d="M12 2a10 10 0 1 0 0 20
    10 10 0 0 0 0-20zm0 18a8 8 0 1 1 0-16 8 8 0 0 1 0 16z"/></g></svg>`;
  const STYLE = `
    .gaia-vre-session { padding: 2rem; overflow: auto; color: var(--jp-ui-font-color1); font-size: var(--jp-ui-font-size2); }
    .gaia-vre-session h1 { font-size: 1.6em; margin: 0 0 1rem; }
    .gaia-vre-session h2 { font-size: 1.2em; margin: 2rem 0 .5rem; }
    .gaia-vre-session table { border-collapse: collapse; }
    .gaia-vre-session th, .gaia-vre-session td { text-align: start; vertical-align: top; padding: .4rem 1.5rem .4rem 0;
      border-bottom: 1px solid var(--jp-border-color2); }
    .gaia-vre-session code { overflow-wrap: anywhere; user-select: all; font-size: .9em; }
    .gaia-vre-session label { display: block; margin: 1rem 0 .3rem; font-weight: 600; }
    .gaia-vre-session div { display: flex; gap: .5rem; max-width: 60rem; align-items: center; }
    .gaia-vre-session input.jp-mod-styled { flex: 1; min-width: 8rem; font: .9em var(--jp-code-font-family); }`;

  const element = (tag, text, more = {}) => Object.assign(document.createElement(tag), { textContent: text, ...more });

  const page = (record, hub) => {
    const body = element("main", "", { className: "gaia-vre-session", lang: FRENCH ? "fr" : "en" });
    body.append(element("style", STYLE), element("h1", SAYS.title));
    if (record.composition) body.append(element("p", `${SAYS.composition} ${record.composition}`));
    const table = body.appendChild(document.createElement("table"));
    const head = table.createTHead().insertRow();
    for (const text of [SAYS.image, SAYS.version, SAYS.exactly]) head.append(element("th", text, { scope: "col" }));
    const rows = table.createTBody();
    for (const image of Object.values(record.images)) {
      const row = rows.insertRow();
      row.append(element("td", image.title), element("td", image.version), element("td", ""));
      row.lastChild.append(element("code", image.reference));
    }
    body.append(element("h2", SAYS.again), element("p", SAYS.help));
    for (const key of ["link", "pinned_link"]) {
      const id = `${NAME}-${key}`;
      const value = new URL(record[key], hub).href;
      const field = element("input", "", { id, value, readOnly: true, className: "jp-mod-styled" });
      const copy = element("button", SAYS.copy, { type: "button", className: "jp-mod-styled jp-mod-accept" });
      const told = element("span", "", { role: "status" });
      copy.addEventListener("click", async () => {
        field.select();
        // Without TLS a page has no clipboard of its own.
        await (navigator.clipboard?.writeText(field.value) ?? document.execCommand("copy"));
        told.textContent = SAYS.copied;
      });
      const line = element("div", "");
      line.append(field, copy, told);
      body.append(element("label", SAYS[key], { htmlFor: id }), line);
    }
    return body;
  };

  const plugin = async (load) => {
    const [{ PageConfig }, { ILauncher }, { ICommandPalette, MainAreaWidget }, { IMainMenu }, { LabIcon }, { Widget }] =
      await Promise.all([
        load("@jupyterlab/coreutils"),
        load("@jupyterlab/launcher"),
        load("@jupyterlab/apputils"),
        load("@jupyterlab/mainmenu"),
        load("@jupyterlab/ui-components"),
        load("@lumino/widgets"),
      ]);
    const activate = (app, launcher, palette, menu) => {
      const written = PageConfig.getOption("gaiaVreSession");
      if (!written) return; // not started by a hub of the collection
      const record = JSON.parse(written);
      const hub = PageConfig.getOption("hubHost") || location.origin;
      const icon = new LabIcon({ name: `${NAME}:icon`, svgstr: ICON });
      let widget = null;
      app.commands.addCommand(NAME, {
        label: SAYS.title,
        caption: SAYS.title,
        icon,
        execute: () => {
          if (!widget || widget.isDisposed) {
            widget = new MainAreaWidget({ content: new Widget({ node: page(record, hub) }) });
            widget.id = NAME;
            Object.assign(widget.title, { label: SAYS.title, icon, closable: true });
            app.shell.add(widget, "main");
          }
          app.shell.activateById(NAME);
        },
      });
      launcher?.add({ command: NAME, category: "Other", rank: 0 });
      palette?.addItem({ command: NAME, category: "Help" });
      menu?.helpMenu.addGroup([{ command: NAME }], 0);
    };
    return { id: `${NAME}:plugin`, autoStart: true, optional: [ILauncher, ICommandPalette, IMainMenu], activate };
  };

  let scope = {};
  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB[NAME] = {
    init: (shared) => {
      scope = shared;
    },
    get: async () => {
      const found = await plugin(async (name) => (await Object.values(scope[name])[0].get())());
      return () => ({ __esModule: true, default: found });
    },
  };
})();
