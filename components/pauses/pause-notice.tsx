import { Notice } from "../ui/notice.tsx";
import { Ago } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import type { PauseFacts } from "./fragments.ts";
import { ResumeButton } from "./resume-button.tsx";
import { capital, named, targetOf } from "./target.ts";

/** Who paused it, when and why. Somebody wants it so: it has no color. */
export function PauseNotice({ pause }: { pause: PauseFacts }) {
  const target = targetOf(pause);
  return (
    <Notice shape="bars" action={<ResumeButton target={target} />}>
      <span className="font-semibold">{capital(named(target))} is paused</span> by {visible(pause.actor)}{" "}
      <Ago at={pause.at} />: {visible(pause.reason)}
    </Notice>
  );
}
