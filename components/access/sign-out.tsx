"use client";

import { LogOut } from "lucide-react";
import { Button } from "../ui/button.tsx";
import { signOut } from "./auth.ts";

export function SignOut() {
  return (
    <Button onClick={() => void signOut()}>
      <LogOut aria-hidden />
      Sign out
    </Button>
  );
}
