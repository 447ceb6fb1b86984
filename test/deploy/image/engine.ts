/**
 * Podman, with a storage of its own in a temporary folder. It builds and runs as Docker does. Nothing is downloaded as an
 * image: the base image is made of Debian's packages and of the packages `node` and `npm`.
 */
import { execFile, execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
/** crun refuses to start anything on machines that have both versions of cgroups, and needs none of them here. */
const WITHOUT_CGROUPS = 'umount --recursive --lazy /sys/fs/cgroup && mount -t tmpfs none /sys/fs/cgroup && exec "$@"';
const MOST_OUTPUT = 64 * 1_048_576;
const run = promisify(execFile);

/** Throws when something is missing to build and run images here. */
export function requireEngine(): void {
  if (process.getuid?.() !== 0) throw new Error("Only root can make the base image.");
  for (const program of ["podman", "crun", "debootstrap", "unshare"]) execFileSync(program, ["--version"]);
}

export class Engine {
  readonly #folder = mkdtempSync(join(tmpdir(), "isimud-image-"));

  /** Runs podman and returns what it printed. Rejects with all that it printed when it fails. */
  async podman(...argv: string[]): Promise<string> {
    return (await this.#run(argv)).stdout;
  }

  /** All that a container has printed so far. */
  async logs(container: string): Promise<string> {
    const { stdout, stderr } = await this.#run(["logs", container]);
    return stdout + stderr;
  }

  async #run(argv: readonly string[]): Promise<{ stdout: string; stderr: string }> {
    const storage = ["--root", join(this.#folder, "storage"), "--runroot", join(this.#folder, "run")];
    const command = ["podman", ...storage, "--storage-driver=overlay", "--cgroup-manager=cgroupfs", ...argv];
    try {
      return await run("unshare", ["--mount", "sh", "-c", WITHOUT_CGROUPS, "sh", ...command], {
        maxBuffer: MOST_OUTPUT,
      });
    } catch (error) {
      const { stdout = "", stderr = "", message } = error as { stdout?: string; stderr?: string; message: string };
      throw new Error(`${message}\n${stdout}\n${stderr}`);
    }
  }

  /** Makes what stands for `node:VERSION-bookworm-slim`: a small Debian with this Node, its npm and its user. */
  async makeBase(tag: string): Promise<void> {
    const root = join(this.#folder, "base");
    await run("debootstrap", ["--variant=minbase", "bookworm", root], { maxBuffer: MOST_OUTPUT });
    cpSync(join(ROOT, "node_modules/node/bin/node"), join(root, "usr/local/bin/node"));
    const { stdout } = await run("npm", ["pack", "--silent", "npm@11"], { cwd: this.#folder });
    const npm = join(root, "usr/local/lib/node_modules/npm");
    mkdirSync(npm, { recursive: true });
    await run("tar", ["xzf", stdout.trim(), "--strip-components=1", "-C", npm], { cwd: this.#folder });
    for (const name of ["npm", "npx"]) {
      symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(root, "usr/local/bin", name));
    }
    await run("chroot", [root, "useradd", "--uid=1000", "--user-group", "--create-home", "node"]);
    await run("chroot", [root, "apt-get", "clean"]);
    const archive = join(this.#folder, "base.tar");
    await run("tar", ["-C", root, "-cf", archive, "."]);
    rmSync(root, { recursive: true });
    await this.podman("import", archive, `docker.io/library/${tag}`);
    rmSync(archive);
  }

  /** Builds the Dockerfile at the top of the repository. npm uses the registry that it uses here. */
  async build(tag: string): Promise<string> {
    const config = join(this.#folder, "npmrc");
    const setting = (name: string) => execFileSync("npm", ["config", "get", name], { encoding: "utf8" }).trim();
    const authority = setting("cafile");
    const hasAuthority = existsSync(authority);
    writeFileSync(config, `registry=${setting("registry")}\n${hasAuthority ? `cafile=${authority}\n` : ""}`);
    const mounts = [`${config}:/usr/local/etc/npmrc:ro`, ...(hasAuthority ? [`${authority}:${authority}:ro`] : [])];
    return this.podman(
      ...["build", "--isolation=chroot", "--format=docker", "--pull=never", "--network=host", "--layers=false"],
      ...mounts.map((mount) => `--volume=${mount}`),
      ...[`--tag=${tag}`, ROOT],
    );
  }

  async size(image: string): Promise<number> {
    return Number(await this.podman("image", "inspect", "--format={{.Size}}", image));
  }

  async close(): Promise<void> {
    await this.podman("rm", "--all", "--force", "--time=0").catch(() => undefined);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The arguments of the Dockerfile before its first FROM. */
export function dockerfileArguments(): Record<string, string> {
  const text = readFileSync(join(ROOT, "Dockerfile"), "utf8");
  const [before = ""] = text.split(/^FROM /m);
  return Object.fromEntries(
    [...before.matchAll(/^ARG (\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]),
  );
}
