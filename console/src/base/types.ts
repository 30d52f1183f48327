// What zrms answers (proto/view.proto): only what the console reads of it.

export interface Count { state: string; count: number }
export interface Amount { total: number; reserved: number; used?: number }

export interface Rollout {
  policy: string; state: string; revision: number; version?: string; done: number; all: number;
  detail?: string; cause?: string; step?: number; steps?: number; promotes_at?: string;
}

export interface Attention {
  kind: 'topology' | 'rollout' | 'zhost'; name: string; topology?: string; state: string; reason: string; failure_code: string; since?: string;
  space?: string; zhost?: string; count?: number; of?: number;
}

export interface NoticeTarget {
  name: string; to: 'webhook' | 'command'; where: string; on: string[]; state: 'idle' | 'sending' | 'failing'; waiting: number; sent: number;
  failed: number; dropped: number; delivered?: string; error?: string; error_time?: string; next?: string; position: number;
}

export interface ZhostColumns {
  seq: number; names: string[]; states: string[]; cordoned: boolean[]; drains: string[]; left: number[]; since: string[];
  heard: string[]; instances: number[]; cpu_total: number[]; cpu_reserved: number[]; cpu_used: number[];
  memory_total: number[]; memory_reserved: number[]; memory_used: number[]; devices_total: number[];
  devices_reserved: number[]; labels: { name: string; values: string[] }[];
}

export interface SummaryTopology {
  seq: number;
  topology: { id: string; name: string; version?: string; state: string; failure_reason?: string; failure_code?: string; spaces: number; updated: string };
  states: Count[];
  spaces: { space: string; states: Count[] }[];
  rollout?: Rollout;
}

export interface Summary {
  seq: number; id: string; name?: string; time: string; open_zhosts: number; cpu_millicores: Amount; memory_bytes: Amount; devices: Amount;
  zhost_states: Count[]; topology_states: Count[]; space_states: Count[]; attention: Attention[]; attention_count: number;
  zhosts: ZhostColumns[]; topologies: SummaryTopology[];
}

export interface Self { user: string; role: string; topologies: string[]; session?: string; expires?: string; word?: string }

export interface Happened {
  seq: number; time: string; kind: string; subject: string; from?: string; to?: string; cause: string; topology?: string;
}

export interface Pair { name: string; value: string }

export interface ZhostView {
  name: string; state: string; cordoned: boolean; zedge?: string; address?: string; cpu_millicores: Amount; memory_bytes: Amount;
  labels: Pair[]; capabilities: string[]; devices: { kind: string; model?: string; count: number; free: number }[]; withdrawn?: { capability: string; missing: string }[];
  instances: number; last_heartbeat?: string; latitude?: number; longitude?: number; since?: string;
  drain?: { state: string; by: string; since: string; deadline?: string; force?: boolean; left: { name: string; why: string }[]; left_count: number };
  certificate_expires?: string; version?: string; made?: { driver: string; step: string; error?: string };
}

export interface Usage {
  zhost: string; interval_ms: number; since?: string; cpu_total?: number; memory_total?: number;
  cpu_used: number[]; cpu_reserved: number[]; memory_used: number[]; memory_reserved: number[];
}

export interface SpaceView {
  name: string; topology: string; topology_id: string; path: string; space: string; type: string; state: string; goal: string; zhost?: string;
  since: string; restarts: number; last_error?: string; why?: string; version?: string;
  api?: { role: string; topologies: string[]; since?: string }; devices?: { kind: string; model?: string; index: number }[];
  settings?: { env: { name: string; value: string }[]; config: string[]; reload: string; waits?: string; references: { name: string; value?: string }[];
    secrets: { name: string; as?: string; file?: string; version?: number }[] };
}

export interface PlanView {
  subject: string; action: string; changes: boolean; end: string; detail?: string; virtual_ms: number;
  spaces: { space: string; effect: string; gaps: number }[];
  moves: { step: number; kind: string; subject: string; from?: string; to?: string; cause: string }[];
  left: { name: string; why: string }[];
}
