/** Which quota counts a machine: AWS has one for each group of families, and others for spot. */

export interface QuotaId {
  code: string;
  /** As AWS calls it. */
  name: string;
  spot: boolean;
  counts(instanceType: string): boolean;
}

interface Group {
  /** The letters that the names of its types begin with, before the number of the generation. */
  families: readonly string[];
  name: string;
  onDemand: string;
  /** null: spot is counted otherwise there, or not to be had. */
  spot: string | null;
}

/**
 * @see https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html (both tables)
 */
const groups: readonly Group[] = [
  {
    families: ['a', 'c', 'd', 'h', 'i', 'im', 'is', 'm', 'r', 't', 'z'],
    name: 'Standard (A, C, D, H, I, M, R, T, Z)',
    ...{ onDemand: 'L-1216C47A', spot: 'L-34B43A08' },
  },
  { families: ['g', 'gr', 'vt'], name: 'G and VT', onDemand: 'L-DB2E81BA', spot: 'L-3819A6DF' },
  // Spot of the later ones of P is divided further.
  { families: ['p'], name: 'P', onDemand: 'L-417A185B', spot: null },
  { families: ['x'], name: 'X', onDemand: 'L-7295265B', spot: 'L-E3A00192' },
  { families: ['f'], name: 'F', onDemand: 'L-74FC7D96', spot: 'L-88CF9481' },
  { families: ['inf'], name: 'Inf', onDemand: 'L-1945791B', spot: 'L-B5D1601B' },
  { families: ['trn'], name: 'Trn', onDemand: 'L-2C3B7624', spot: 'L-6B0D517C' },
  { families: ['dl'], name: 'DL', onDemand: 'L-6E869C2A', spot: 'L-85EED4F7' },
  { families: ['u'], name: 'High Memory', onDemand: 'L-43DA4232', spot: null },
  { families: ['hpc'], name: 'HPC', onDemand: 'L-F7808C92', spot: null },
];

/** The quota that an order of this type is counted by; null where it is not known: then AWS alone judges. */
export function findQuota(instanceType: string, spot: boolean): QuotaId | null {
  const family = familyOf(instanceType);
  const group = groups.find(({ families }) => families.includes(family));
  const code = spot ? group?.spot : group?.onDemand;
  if (!group || !code) return null;
  return {
    code,
    name: spot ? `All ${group.name} Spot Instance Requests` : `Running On-Demand ${group.name} instances`,
    spot,
    counts: (other) => group.families.includes(familyOf(other)),
  };
}

/** `m` of `m7i-flex.large`, `u` of `u-6tb1.112xlarge`, `inf` of `inf2.xlarge`. */
function familyOf(instanceType: string): string {
  return /^[a-z]+/.exec(instanceType)?.[0] ?? '';
}
