/**
 * The worst rows that longer searches have come across: hill climbing over millions of rows, and rows built from the
 * elements whose exponentials are farthest off.
 */
import type { Parameters } from './operators';

export interface BadRow {
  readonly operator: string;
  readonly parameters: Parameters;
  readonly x: readonly number[];
}

export const badRows: readonly BadRow[] = [
  {
    operator: 'softmax',
    parameters: { temperature: 1.9338899850845337 },
    x: [
      16.714972, -0.8933188, 0.44201732, -0.27901354, 0.5983891, -0.27901882, 0.5220773, 1.18928,
      -0.5138779, 0.10808869, -0.14836998, -1.1890045, -11.680439, -1.7444451, -0.87196666,
      -11.680439, 0.759107, -1.1889995, 0.45674965, -1.3865339, 9.325754, -21.891068, -0.22119927,
      -20.777077, -1.1901672,
    ],
  },
  {
    operator: 'softmax',
    parameters: { temperature: 1.9338899850845337 },
    x: [
      -6.3709235, -6.150659, -6.3708963, -5.260905, -19.391836, 3.202062, -3.2981768, -1.5889368,
      -17.683628, -1.3647467, 16.644201, -22.102097, -17.772587, -18.198637, -4.809441, 5.838806,
      -1.2410924, -8.750827, -1.3646715, -3.0604131, -4.8097267, 16.644201, 7.678381, -12.064407,
      12.0514145, -1.5889353, -3.5509872, 3.6701155, 5.6025186, -7.316609, 12.444638, -14.513758,
      -3.2981842,
    ],
  },
  {
    operator: 'logSoftmax',
    parameters: { temperature: 1 },
    x: [
      0.8846448, -1.7178584, 3.4700305, -4.5829344, 2.4450276, -3.0423353, -1.5110972, -1.7178353,
      2.5316293, -1.2019142, 2.5316472, 1.1076478, 3.4360871, 2.5316293, 4.7080693, 2.1729884,
      -3.1099513, 3.9579751, -11.584836, 3.9579473, 2.5316293, -4.4008613, -3.1099768, 2.5316293,
      3.1498096, -3.423256, 11.120002, 11.120002, 0.33349007,
    ],
  },
  {
    operator: 'logSoftmax',
    parameters: { temperature: 1.9682550430297852 },
    x: [
      -5.340304, -7.08532, 4.907696, 3.0885847, 4.2137895, 6.3322754, -17.914457, -5.38211,
      0.77779514, -8.78067, -1.831113, 5.3636284, 3.802216, -8.015841, -13.163099, 5.5879054,
      21.847235, 21.847235, -8.780695, -1.8310933, -17.703157, 3.1877372, -6.079938, -1.8113514,
      -1.8311031, -11.139089,
    ],
  },
  {
    operator: 'logSumExp',
    parameters: { temperature: 1 },
    x: [0.86976373, -11.242254, -10.166564, -10.16656],
  },
  {
    operator: 'logSumExp',
    parameters: { temperature: 1.9682550430297852 },
    x: [-12.347604, -12.347605, 1.9269816],
  },
  {
    operator: 'softmax',
    parameters: { temperature: 1 },
    x: [
      -0.37110832,
      -14.522178,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -1.0654763,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
    ],
  },
  {
    operator: 'softmax',
    parameters: { temperature: 1.9924650192260742 },
    x: [
      -1.245936, -0.09348749, -17.78441, -23.442848, -17.586807, 8.690562, -20.038893, -1.2528509,
      1.2600954, -17.590498, -23.467506, 1.3261216, -1.2432157, 11.177587, -1.2527144, 8.707057,
      22.212606, 1.939153, 0.347506, 1.9074279, 1.5674092,
    ],
  },
  {
    operator: 'softmax',
    parameters: { temperature: 1.9553649425506592 },
    x: [
      0.368648499,
      -28.4366589,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      2.04511404,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
    ],
  },
];
