import { Glyph } from "../ui/glyph.tsx";
import { Ago } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import type { PauseFacts } from "./fragments.ts";
import { ResumeButton } from "./resume-button.tsx";
import { capital, named, targetOf } from "./target.ts";

/** Who paused it, when and why. Somebody wants it so: it has no color. */
export function PauseNotice({ pause }: { pause: PauseFacts }) {
  const target = targetOf(pause);
  return (
    <div
      role="status"
      className="mb-3 flex min-h-9 flex-wrap items-center gap-x-2 gap-y-1 rounded border border-line-strong bg-raised px-3 py-1"
    >
      <Glyph shape="bars" ink="neutral" />
      <span className="min-w-0 flex-1 basis-56 wrap-anywhere">
        <span className="font-semibold">{capital(named(target))} is paused</span> by {visible(pause.actor)}{" "}
        <Ago at={pause.at} />: {visible(pause.reason)}
      </span>
      <ResumeButton target={target} />
    </div>
  );
}
