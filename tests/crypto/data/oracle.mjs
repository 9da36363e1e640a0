// Answers, line by line, what JavaScript does with each question; null where it throws.
import { createInterface } from "node:readline";

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const bytes = (text) => Uint8Array.from(Buffer.from(text, "hex"));
const importKey = (raw) =>
  crypto.subtle.importKey("raw", bytes(raw), "AES-GCM", false, ["encrypt", "decrypt"]);

const answers = {
  restringify: ({ text }) => JSON.stringify(JSON.parse(text)),
  atob: ({ text }) => hex(Buffer.from(atob(text), "latin1")),
  decode: ({ raw }) => new TextDecoder().decode(bytes(raw)),
  wrap: async ({ text, key, iv }) => {
    const plaintext = new TextEncoder().encode(JSON.stringify(JSON.parse(text)));
    const algorithm = { name: "AES-GCM", iv: bytes(iv) };
    const sealed = await crypto.subtle.encrypt(algorithm, await importKey(key), plaintext);
    const base64 = (part) => Buffer.from(part).toString("base64");
    return `enc:1:${base64(bytes(iv))}.${base64(sealed)}`;
  },
  derive: async ({ secret, info }) => {
    const base = await crypto.subtle.importKey("raw", bytes(secret), "HKDF", false, ["deriveBits"]);
    const salt = new Uint8Array();
    const purpose = new TextEncoder().encode(info);
    const algorithm = { name: "HKDF", hash: "SHA-256", salt, info: purpose };
    return hex(await crypto.subtle.deriveBits(algorithm, base, 256));
  },
  bind: async ({ text, key, keyId, iv, place }) => {
    const encoder = new TextEncoder();
    const plaintext = encoder.encode(JSON.stringify(JSON.parse(text)));
    const additionalData = encoder.encode(JSON.stringify(["enc:2:", ...place, keyId]));
    const algorithm = { name: "AES-GCM", iv: bytes(iv), additionalData };
    const sealed = await crypto.subtle.encrypt(algorithm, await importKey(key), plaintext);
    const base64 = (part) => Buffer.from(part).toString("base64");
    return `enc:2:${keyId}:${base64(bytes(iv))}.${base64(sealed)}`;
  },
  unwrap: async ({ text, key }) => {
    const dot = text.indexOf(".");
    const part = (from, to) => Buffer.from(atob(text.slice(from, to)), "latin1");
    const algorithm = { name: "AES-GCM", iv: part(6, dot) };
    const opened = await crypto.subtle.decrypt(algorithm, await importKey(key), part(dot + 1));
    return JSON.stringify(JSON.parse(new TextDecoder().decode(opened)));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  let answer = null;
  try {
    answer = await answers[question.op](question);
  } catch {}
  process.stdout.write(JSON.stringify(answer) + "\n");
}
