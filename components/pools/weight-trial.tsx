"use client";

import { Scale } from "lucide-react";
import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";

/** Predicts how new queues would be spread with other weights, before saving. `flavors`: null is "without one". */
export function WeightTrial({ flavors }: { flavors: (string | null)[] }) {
  const trigger = (
    <Button disabledReason={flavors.length === 0 ? "No pool is registered. The built-in pool has no weight." : null}>
      <Scale aria-hidden />
      Try weights
    </Button>
  );
  return flavors.length === 0 ? trigger : <Opener trigger={trigger} load={loadTrial} props={{ flavors }} />;
}

const loadTrial = () => import("./weight-trial-dialog.tsx");
