// Loaded before the proxy (node --require): on SIGHUP it takes its certificate and key from their files again. Connections
// that are open go on, new ones get the new certificate. Files that do not fit together leave the former ones in use.
"use strict";

const fs = require("node:fs");
const https = require("node:https");
const { syncBuiltinESMExports } = require("node:module");
const tls = require("node:tls");

const servers = new Map();
const createServer = https.createServer;
https.createServer = function (options, ...more) {
  const server = createServer.call(this, options, ...more);
  servers.set(server, options);
  return server;
};
syncBuiltinESMExports();

process.on("SIGHUP", () => {
  const argument = (name) => process.argv.find((word) => word.startsWith(`--${name}=`)).slice(name.length + 3);
  try {
    const pair = { cert: fs.readFileSync(argument("ssl-cert")), key: fs.readFileSync(argument("ssl-key")) };
    tls.createSecureContext(pair);
    servers.forEach((options, server) => server.setSecureContext({ ...options, ...pair }));
    console.error("the certificate was read again");
  } catch (error) {
    console.error(`the new certificate cannot be used, the former one stays: ${error.message}`);
  }
});
