/** The services that speak JSON, each with the one action that is asked of it. */
import { readParameter } from './catalogue.ts';
import type { CloudState } from './cloud-state.ts';
import { AwsFault } from './fault.ts';
import { getProducts } from './pricing.ts';
import { limitOf } from './quotas.ts';

type Body = Record<string, unknown>;

export const jsonActions: Readonly<
  Record<string, { service: string; answer: (state: CloudState, body: Body, region: string) => unknown }>
> = {
  'AmazonSSM.GetParameter': {
    service: 'ssm',
    answer: (_state, { Name }, region) => {
      const value = readParameter(region, String(Name));
      if (value === null) throw new AwsFault('ParameterNotFound', '');
      return { Parameter: { Name, Type: 'String', Value: value, Version: 1, DataType: 'aws:ec2:image' } };
    },
  },
  'ServiceQuotasV20190624.GetServiceQuota': {
    service: 'servicequotas',
    answer: (state, { ServiceCode, QuotaCode }) => {
      const Value = ServiceCode === 'ec2' ? limitOf(state, String(QuotaCode)) : null;
      if (Value !== null)
        return {
          Quota: { ServiceCode, QuotaCode, Value, Unit: 'None', Adjustable: true, GlobalQuota: false },
        };
      throw new AwsFault(
        'NoSuchResourceException',
        'The request failed because the specified service quota does not exist.',
      );
    },
  },
  'AWSPriceListService.GetProducts': {
    service: 'pricing',
    answer: (_state, body, region) => {
      if (region !== 'us-east-1')
        throw new AwsFault('InternalErrorException', 'there is no such endpoint', 500);
      return getProducts(body);
    },
  },
};
