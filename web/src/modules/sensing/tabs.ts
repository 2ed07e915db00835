/** The parts of sensing, each with the permission that opens it. */
export const TABS = [
  { name: 'devices', permission: 'sensing.read_devices' },
  { name: 'alarms', permission: 'sensing.read_alarms' },
  { name: 'rules', permission: 'sensing.read_alarms' },
  { name: 'rejected', permission: 'sensing.read_rejected' },
  { name: 'accounting', permission: 'sensing.read_accounting' },
] as const
