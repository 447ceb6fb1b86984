/** Certificates from a certificate authority that the test creates with openssl. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "vitest";

export interface Authority {
  /** The file of the authority's own certificate. */
  file: string;
  /**
   * Creates a certificate for `subjects`, such as "DNS:localhost" or "IP:127.0.0.1". Returns the files of the
   * certificate and of its key.
   */
  certify(...subjects: string[]): { certificate: string; key: string };
  remove(): void;
}

/** Runs the suites if there is an openssl. Otherwise skips them and says what to install, or throws when CI is true. */
export function describeWithOpenssl(suites: () => void): void {
  if (spawnSync("openssl", ["version"], { stdio: "ignore" }).error === undefined) {
    suites();
    return;
  }
  const missing = "There is no openssl on the path: apt-get install openssl";
  if (process.env.CI === "true") throw new Error(missing);
  console.warn(missing);
  // A skipped test whose name says what to install.
  it.skip(missing);
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

export function anAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), "isimud-certificates-"));
  const openssl = (...words: string[]) => execFileSync("openssl", words, { cwd: folder, stdio: "pipe" });
  openssl("req", "-x509", ...NEW_KEY, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=An authority", "-days", "2");
  let count = 0;
  return {
    file: join(folder, "ca.pem"),
    certify(...subjects) {
      const name = `server-${++count}`;
      const request = ["-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`];
      openssl("req", ...NEW_KEY, ...request, "-addext", `subjectAltName=${subjects.join(",")}`);
      const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-copy_extensions", "copy"];
      openssl("x509", "-req", "-in", `${name}.csr`, ...signed, "-days", "2", "-out", `${name}.pem`);
      return { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
