import { PageSkeleton } from "../components/ui/states.tsx";

export default function Loading() {
  return <PageSkeleton />;
}
