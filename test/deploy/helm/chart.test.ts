/** The chart in deploy/helm, as helm renders it with several sets of values. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { readConfig, SECRETS, SETTINGS } from "../../../server/config.ts";
import { has } from "../../support/programs.ts";
import { CHART, helm, type Manifest, render, withValues } from "./helm.ts";
import { misspelt, validate } from "./manifests.ts";

const top = fileURLToPath(new URL("../../..", import.meta.url));
const textOf = (path: string) => readFileSync(join(top, path), "utf8");
const EXAMPLE = "deploy/helm/examples/cloudnative-pg";

const EVERYTHING = {
  image: { repository: "registry.example.org/isimud", digest: `sha256:${"0".repeat(64)}` },
  imagePullSecrets: [{ name: "registry" }],
  replicas: 3,
  publicUrl: "https://example.org/queues",
  settings: {
    BASE_PATH: "/queues",
    TRUST_PROXY: "10.0.0.0/8",
    ALLOWED_HOSTS: "queues.internal",
    MAX_POSTS_SIZE: 4_194_304,
    TRUSTED_DOCUMENTS: "on",
    OIDC_ISSUER: "https://id.example.org",
    OIDC_CLIENT_ID: "isimud",
  },
  secret: "queues",
  database: { options: "sslmode=verify-full" },
  certificateAuthority: { secret: "authority" },
  admin: { email: "ada@example.org" },
  env: [{ name: "TZ", value: "Europe/Berlin" }],
  service: { port: 8080, annotations: { "example.org/team": "queues" } },
  ingress: { enabled: true, className: "own", annotations: { "example.org/body": "4m" }, tlsSecret: "tls" },
  serviceMonitor: { enabled: true, labels: { release: "prometheus" }, tokenSecret: "token" },
  prometheusRule: { enabled: true, labels: { release: "prometheus" } },
  networkPolicy: { enabled: true, from: [{ namespaceSelector: {} }] },
  dataVolume: { persistentVolumeClaim: { claimName: "isimud" } },
  volumes: [{ name: "more", emptyDir: {} }],
  volumeMounts: [{ name: "more", mountPath: "/more" }],
  podAnnotations: { "example.org/pod": "yes" },
  podLabels: { team: "queues" },
  priorityClassName: "high",
  nodeSelector: { disk: "fast" },
  tolerations: [{ key: "queues", operator: "Exists" }],
  affinity: { nodeAffinity: {} },
  serviceAccount: { annotations: { "example.org/account": "yes" } },
};
const SETS = {
  "the defaults": {},
  everything: EVERYTHING,
  "one pod": { replicas: 1, runAsUser: null, topologySpreadConstraints: [] },
  "the example of CloudNativePG": parse(textOf(`${EXAMPLE}/values.yaml`)) as object,
};

/** Settings that the chart makes of other values, those that the image has, those of programs, and secrets. */
const OWN = new Set<string>([
  ...SECRETS,
  "PORT",
  "PUBLIC_URL",
  "ADMIN_EMAIL",
  "ADMIN_PASSWORD_FILE",
  "AUTH",
  "DATA_DIR",
  "ISIMUD_URL",
  "TOKEN",
  "ISIMUD_URL",
]);

test("the schema of the values knows each setting of the service, and no other", () => {
  const { properties } = JSON.parse(textOf("deploy/helm/isimud/values.schema.json")) as {
    properties: { settings: { properties: object } };
  };
  const settings = SETTINGS.filter((name) => !OWN.has(name));
  expect(Object.keys(properties.settings.properties).sort()).toEqual(settings.sort());
});

test("the chart has the version of the service", () => {
  const { version } = JSON.parse(textOf("package.json")) as { version: string };
  expect(parse(textOf("deploy/helm/isimud/Chart.yaml"))).toMatchObject({ version, appVersion: version });
});

interface Variable {
  name: string;
  value?: string;
  valueFrom?: { secretKeyRef: { name: string; key: string; optional?: boolean } };
}

describe.runIf(has("helm", "version"))("the chart", () => {
  const rendered = new Map<string, Manifest[]>();
  const ofKind = (set: keyof typeof SETS, kind: string) => rendered.get(set)?.filter((one) => one.kind === kind) ?? [];
  const deploymentOf = (set: keyof typeof SETS) => ofKind(set, "Deployment")[0] as Manifest;
  const podOf = (set: keyof typeof SETS) => deploymentOf(set).spec.template.spec;
  const variablesOf = (set: keyof typeof SETS): Variable[] => podOf(set).containers[0].env;

  beforeAll(() => {
    for (const [name, values] of Object.entries(SETS)) rendered.set(name, render(values));
  });

  test.each(Object.keys(SETS) as (keyof typeof SETS)[])("passes helm's lint with %s", (set) => {
    const said = withValues(SETS[set], (file) => helm("lint", "--strict", `--values=${file}`, CHART));
    expect(said).toContain("0 chart(s) failed");
  });

  test("makes manifests that the API of Kubernetes knows in each field", async () => {
    const all = [...rendered.values()].flat();
    for (const manifest of all) await validate(manifest);

    const wrong = structuredClone(deploymentOf("the defaults"));
    wrong.spec.template.spec.terminationGracePeriod = 30;
    // One complaint, about the wrong one.
    expect(misspelt([...all, wrong])).toEqual([expect.stringContaining("terminationGracePeriod")]);
    wrong.spec.template.spec.containers[0].ports[0].containerPort = "http";
    await expect(validate(wrong)).rejects.toThrow("containerPort");
  }, 60_000);

  test("has only those kinds that the values ask for", () => {
    const kinds = (set: keyof typeof SETS) =>
      rendered
        .get(set)
        ?.map(({ kind }) => kind)
        .sort();
    const always = ["Deployment", "Pod", "Service", "ServiceAccount"];
    const more = ["Ingress", "NetworkPolicy", "PodDisruptionBudget", "PrometheusRule", "ServiceMonitor"];
    expect(kinds("one pod")).toEqual(always);
    expect(kinds("the defaults")).toEqual([...always, "PodDisruptionBudget"].sort());
    expect(kinds("everything")).toEqual([...always, ...more].sort());
  });

  test.each(Object.keys(SETS) as (keyof typeof SETS)[])("gives the service settings that it takes, with %s", (set) => {
    const secrets: Record<string, string> = {
      DATABASE_URL: "postgresql://isimud:secret@db.example.org/isimud",
      uri: "postgresql://isimud:secret@isimud-db-rw.queues:5432/isimud",
      SECRET_KEY: "sixteen letters!",
      OIDC_CLIENT_SECRET: "secret",
      REDIS_URL: "",
    };
    // As the image has them, and as Kubernetes resolves what refers to earlier ones.
    const environment: Record<string, string> = { HOST: "0.0.0.0", AUTH: "accounts", DATA_DIR: "/data" };
    for (const { name, value, valueFrom } of variablesOf(set)) {
      environment[name] =
        valueFrom === undefined
          ? (value ?? "").replace(/\$\((\w+)\)/g, (_, other: string) => environment[other] as string)
          : (secrets[valueFrom.secretKeyRef.key] as string);
    }
    const config = readConfig(environment);
    expect(config.PORT).toBe(podOf(set).containers[0].ports[0].containerPort);
    expect(config.ALLOWED_HOSTS).toContain("isimud.queues.svc");
    expect(config.DATABASE_URL).toMatch(/^postgresql:\/\/isimud:secret@[^?]+(\?sslmode=verify-full)?$/);
    expect(config.DRAIN_SECONDS).toBe(5);
    if (set === "everything") {
      expect(config).toMatchObject({
        BASE_PATH: "/queues",
        PUBLIC_URL: "https://example.org/queues",
        MAX_POSTS_SIZE: 4_194_304,
        TRUSTED_DOCUMENTS: "on",
        ALLOWED_HOSTS: [
          "isimud",
          "isimud.queues",
          "isimud.queues.svc",
          "isimud.queues.svc.cluster.local",
          "queues.internal",
        ],
      });
    }
  });

  test.each(Object.keys(SETS) as (keyof typeof SETS)[])("takes secrets from secrets, with %s", (set) => {
    const secret = new Set<string>([...SECRETS, "TOKEN", "ADMIN_PASSWORD", "DATABASE_SECRET_URL"]);
    const open = variablesOf(set).filter(({ name, valueFrom }) => secret.has(name) && valueFrom === undefined);
    // What the cluster puts in there comes from the secret.
    for (const { value } of open) expect(value).toMatch(/^\$\(DATABASE_SECRET_URL\)\?/);
    expect(variablesOf(set).find(({ name }) => name === "SECRET_KEY")?.valueFrom?.secretKeyRef.key).toBe("SECRET_KEY");
    expect(ofKind(set, "Secret")).toEqual([]);
  });

  test("asks for health below the base path, and gives the process time to end", () => {
    const { startupProbe, livenessProbe, readinessProbe } = podOf("everything").containers[0];
    expect(startupProbe.httpGet.path).toBe("/queues/api/health/live");
    expect(livenessProbe.httpGet.path).toBe("/queues/api/health/live");
    expect(readinessProbe.httpGet.path).toBe("/queues/api/health/ready");
    expect(podOf("the defaults").containers[0].readinessProbe.httpGet.path).toBe("/api/health/ready");
    // docs/operating.md promises 20 s.
    expect(podOf("the defaults").terminationGracePeriodSeconds).toBeGreaterThan(20);
  });

  test.each(Object.keys(SETS) as (keyof typeof SETS)[])(
    "runs without rights, on a root that is read-only, with %s",
    (set) => {
      for (const pod of [podOf(set), ofKind(set, "Pod")[0]?.spec]) {
        expect(pod.automountServiceAccountToken).toBe(false);
        expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
        expect(pod.containers[0].securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
      }
      expect(podOf(set).securityContext.runAsUser).toBe(set === "one pod" ? undefined : 10_001);
      const mounted = podOf(set).containers[0].volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath);
      expect(mounted).toEqual(expect.arrayContaining(["/data", "/tmp"]));
    },
  );

  test("selects its pods everywhere", () => {
    const labels = deploymentOf("everything").spec.template.metadata.labels;
    const selectors = [
      deploymentOf("everything").spec.selector.matchLabels,
      ofKind("everything", "Service")[0]?.spec.selector,
      ofKind("everything", "PodDisruptionBudget")[0]?.spec.selector.matchLabels,
      ofKind("everything", "NetworkPolicy")[0]?.spec.podSelector.matchLabels,
      podOf("everything").topologySpreadConstraints[0].labelSelector.matchLabels,
    ];
    for (const selector of selectors) {
      expect(Object.keys(selector)).toHaveLength(2);
      expect(labels).toMatchObject(selector);
    }
    expect(labels.team).toBe("queues");
    const monitor = ofKind("everything", "ServiceMonitor")[0] as Manifest;
    const service = ofKind("everything", "Service")[0] as Manifest;
    expect(service.metadata.labels).toMatchObject(monitor.spec.selector.matchLabels);
    expect(monitor.spec.endpoints[0]).toMatchObject({ port: "http", path: "/queues/api/metrics" });
    // The job that the alert rules and the dashboard expect.
    expect(service.metadata.labels[monitor.spec.jobLabel]).toBe("isimud");
    // `helm test` is no pod of the service.
    expect(ofKind("everything", "Pod")[0]?.metadata.labels["app.kubernetes.io/name"]).toBeUndefined();
  });

  test("sends what is below the base path of PUBLIC_URL's host to the service", () => {
    const [rule] = ofKind("everything", "Ingress")[0]?.spec.rules ?? [];
    expect(rule.host).toBe("example.org");
    expect(rule.http.paths[0]).toMatchObject({ path: "/queues", pathType: "Prefix" });
    expect(ofKind("the example of CloudNativePG", "Ingress")[0]?.spec.rules[0].http.paths[0].path).toBe("/");
  });

  test("has the alert rules of deploy/prometheus, also when it is packed", () => {
    const { groups } = parse(textOf("deploy/prometheus/alerts.yaml")) as { groups: unknown[] };
    expect(groups.length).toBeGreaterThan(0);
    expect(ofKind("everything", "PrometheusRule")[0]?.spec.groups).toEqual(groups);
    const folder = mkdtempSync(join(tmpdir(), "isimud-chart-"));
    try {
      const packed = /saved it to: (.*)/.exec(helm("package", CHART, `--destination=${folder}`))?.[1] ?? "";
      const inside = execFileSync("tar", ["--extract", "--to-stdout", "--file", packed, "isimud/files/alerts.yaml"]);
      expect(inside.toString()).toBe(textOf("deploy/prometheus/alerts.yaml"));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("tells what is to be done next", () => {
    const notes = (values: object) =>
      withValues(values, (file) =>
        helm("install", "isimud", CHART, "--namespace=queues", "--dry-run=client", `--values=${file}`),
      ).split("NOTES:")[1];
    expect(notes({})).toMatch(/create secret generic isimud[\s\S]*DATABASE_URL=[\s\S]*isimud user add/);
    expect(notes(EVERYTHING)).toMatch(/ADMIN_PASSWORD=[\s\S]*https:\/\/example.org\/queues/);
    expect(notes(EVERYTHING)).toContain("http://isimud.queues.svc:8080/queues/api/graphql");
    expect(notes(SETS["the example of CloudNativePG"])).not.toContain("DATABASE_URL=");
  });

  test.each<[string, object, string]>([
    ["a value that nobody knows", { replicaCount: 2 }, "'replicaCount' not allowed"],
    ["a setting that is misspelt", { settings: { WORKRES: 2 } }, "'WORKRES' not allowed"],
    ["a secret among the settings", { settings: { SECRET_KEY: "x" } }, "'SECRET_KEY' not allowed"],
    ["a setting that YAML made a truth value", { settings: { QUEUE_SAMPLES: true } }, "got boolean"],
    ["an ingress without an address", { ingress: { enabled: true } }, "ingress needs publicUrl"],
    [
      "an ingress that the service would not trust",
      { ingress: { enabled: true }, publicUrl: "https://example.org" },
      "ingress needs settings.TRUST_PROXY",
    ],
    ["a monitor that would not be let in", { serviceMonitor: { enabled: true } }, "serviceMonitor needs tokenSecret"],
  ])("refuses %s", (_, values, complaint) => {
    expect(() => render(values)).toThrow(complaint);
  });

  test("agrees with the cluster of its example", () => {
    const cluster = parse(textOf(`${EXAMPLE}/cluster.yaml`)) as Manifest;
    const { name } = cluster.metadata;
    expect(SETS["the example of CloudNativePG"]).toMatchObject({
      database: { secret: `${name}-app`, key: "uri" },
      certificateAuthority: { secret: `${name}-ca`, key: "ca.crt" },
    });
    const { DATABASE_CONNECTIONS } = readConfig({});
    const pods = deploymentOf("the example of CloudNativePG").spec.replicas + 1;
    const connections = Number(cluster.spec.postgresql.parameters.max_connections);
    // Some are left for the operator and for people.
    expect(connections).toBeGreaterThan(pods * (2 * DATABASE_CONNECTIONS + 2) + 20);
  });
});

test("what the chart links to exists", () => {
  expect(existsSync(join(CHART, "files/alerts.yaml"))).toBe(true);
});
