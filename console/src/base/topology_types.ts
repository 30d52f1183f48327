// What zrms answers of one topology (proto/view.proto, proto/model.proto): only what the console reads of it.
import type { Rollout } from './types';

export interface Placement { space: string; zhost?: string; state: string; goal?: string; why?: string; failure_code?: string; optional_part?: boolean }
export interface Dependent { space: string; from: string; optional_import: boolean }

export interface TopologyDetail {
  id: string; name: string; version?: string; owner?: string; state: string; failure_reason?: string; failure_code?: string; spaces: number;
  created: string; updated: string; placements: Placement[]; notice?: string; revision?: number; rollout?: Rollout;
  last_rollout?: { revision: number; version?: string; result: string; cause?: string; time: string; back_on?: string };
  scaled: { space: string; count: number; package: number }[]; dependents: Dependent[];
  kept?: { revision: number; version?: string; until: string; copies: number };
}

export interface Instance {
  name: string; path: string; space: string; type: string; state: string; goal: string; zhost?: string; since: string;
  restarts: number; last_error?: string; why?: string; failure_code?: string; parent?: string; version?: string; revision?: number;
  imports: { from: string; optional_import: boolean; providers: string[]; kept_until?: string }[];
  handover?: { kind: string; state: string; cause: string; waits?: string; next?: { version?: string; zhost: string; state: string } };
}

export interface Revision {
  revision: number; version?: string; created: string; by?: string; what: string; result: string; completed?: string;
  package_digest: string; signed_by?: string;
}

/** A space as `topology.yaml` declares it: keys as they are there. */
export interface Declared {
  name: string; type: string; count?: number | 'each'; inside?: string; optional?: boolean; exclusive?: boolean; provides?: string[];
  imports?: { from: string; optional?: boolean }[];
  resources?: { cpu?: string; memory?: string; data?: string; devices?: { kind: string; count?: number; share?: string }[] };
  [key: string]: unknown;
}

export interface Content {
  revision: Revision;
  topology: { spaces: Declared[]; paths?: { from: string; to: string; name?: string }[]; [key: string]: unknown };
  rollout?: Record<string, unknown>;
}

export interface Explained {
  space: string; zhost?: string; summary: string; reason?: string; failure_code?: string; smallest_change?: string;
  rules: { rule: string; what?: string; left: number }[];
  zhosts: {
    zhost: string; eligible: boolean; failed_rules: string[]; score?: number; scores: { name: string; value: string }[]; chosen?: boolean;
    failures: { rule: number; text: string }[];
  }[];
}

export interface Plan {
  subject: string; action: string; changes: boolean; from_version?: string; to_version?: string; policy?: string;
  spaces: { space: string; verdict?: string; fields: string[]; effect: string; gaps: number }[];
  moves: { step: number; kind: string; subject: string; from?: string; to?: string; cause: string }[];
  end: string; detail?: string; left: { name: string; why: string }[];
}
