"use client";

import { Button } from "../ui/button.tsx";
import { formatCount } from "../ui/format.ts";
import { Opener } from "../ui/opener.tsx";
import { isFixable } from "./fixable.ts";
import type { ProblemRow } from "./fragments.ts";

/** Shows what each fix would do, to be confirmed one by one or together. `problems`: those of the page. */
export function FixAll({ problems, all }: { problems: readonly ProblemRow[]; all: number }) {
  const fixable = problems.filter(isFixable);
  if (fixable.length === 0) return null;
  return (
    <Opener
      trigger={
        <Button kind="primary" needs="startJob">
          Fix {formatCount(fixable.length)} of {formatCount(all)}…
        </Button>
      }
      load={loadDialog}
      props={{ problems: fixable }}
    />
  );
}

const loadDialog = () => import("./fix-all-dialog.tsx");
