/** The parts of settings, each with the permission that opens it; the first that a post may see is its home. */
export const TABS = [
  { name: 'accounts', permission: 'core.read_accounts' },
  { name: 'keys', permission: 'core.read_keys' },
  { name: 'runs', permission: 'core.read_runs' },
  { name: 'deliveries', permission: 'core.read_deliveries' },
  { name: 'calendar', permission: 'core.read_calendar' },
] as const
