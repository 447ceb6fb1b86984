/** `npm ci` installs exactly what was resolved once: each package by the digest of its content, on every platform. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("every package in the lock file has a digest, or comes inside of one that has", () => {
  const { packages } = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8")) as {
    packages: Record<string, { integrity?: string; inBundle?: boolean }>;
  };
  const installed = Object.entries(packages).filter(([path]) => path !== "");
  expect(installed.length).toBeGreaterThan(300);
  const loose = installed.filter(([, one]) => !one.integrity?.startsWith("sha512-") && one.inBundle !== true);
  expect(loose.map(([path]) => path)).toEqual([]);
});

test("package.json names one version of each package, so that a lock file written anew is the same", () => {
  const { dependencies, optionalDependencies, devDependencies } = JSON.parse(
    readFileSync(new URL("../package.json", import.meta.url), "utf8"),
  ) as Record<string, Record<string, string>>;
  const ranges = Object.entries({ ...dependencies, ...optionalDependencies, ...devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
  );
  expect(ranges).toEqual([]);
});
