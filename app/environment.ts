import { headers } from "next/headers";
import type { Environment } from "../components/ui/environment-badge.tsx";

/** The server writes it into each request: the color, a space, and the name, percent-encoded. Null: it has no name. */
export async function environmentOfRequest(): Promise<Environment | null> {
  const header = (await headers()).get("x-isimud-environment");
  if (header === null) return null;
  const [color = "", name = ""] = header.split(" ");
  return { color, name: decodeURIComponent(name) };
}
