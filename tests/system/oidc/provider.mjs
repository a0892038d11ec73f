// The OpenID provider of test_login.py: oidc-provider with its own login pages, for people that the test names.
import { createRequire } from "node:module";
import { createServer } from "node:https";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const settings = JSON.parse(readFileSync(process.argv[2]));
const found = createRequire(`${settings.node_modules}/`).resolve("oidc-provider");
const { default: Provider } = await import(pathToFileURL(found));

const provider = new Provider(settings.issuer, {
  clients: [
    {
      client_id: settings.client_id,
      client_secret: settings.client_secret,
      redirect_uris: settings.redirect_uris,
      token_endpoint_auth_method: "client_secret_post",
    },
  ],
  routes: { userinfo: "/userinfo" },
  claims: { openid: ["sub"], profile: ["preferred_username"], groups: ["groups"] },
  pkce: { required: () => true },
  // Everybody whom the test names may log in; a page asks for the name, another one for consent.
  findAccount: (_ctx, id) =>
    id in settings.people && { accountId: id, claims: () => ({ sub: id, ...settings.people[id] }) },
});

const tls = { key: readFileSync(settings.tls_key), cert: readFileSync(settings.tls_certificate) };
createServer(tls, provider.callback()).listen(settings.port, "127.0.0.1", () => console.log("listening"));
