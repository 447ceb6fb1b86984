"use client";

import { useRouter } from "next/navigation";
import { TimeForm } from "../ui/time-form.tsx";

/** Asks for a time. `close`: without one. */
export default function JumpToTimeForm({ hrefAt, close }: { hrefAt: (at: string) => string; close: () => void }) {
  const router = useRouter();
  return <TimeForm label="Time" onTime={(at) => router.push(hrefAt(at), { scroll: false })} close={close} />;
}
