// The drawn questions in their order at a constant rate: an open loop. Every answer is held against the truth.
//   k6 run -e RATE=@RATE@ -e SECONDS=@SECONDS@ -e VUS=@CONNECTIONS@ k6.js
import http from 'k6/http';
import { check } from 'k6';
import { SharedArray } from 'k6/data';
import { scenario } from 'k6/execution';

const url = (__ENV.TARGET || '@URL@') + '/v1/query';
const users = Number(__ENV.VUS || @CONNECTIONS@);

const lines = (file) => open(file).split('\n').filter((line) => line !== '');
const questions = new SharedArray('questions', () => lines('./questions.tsv'));
const order = new SharedArray('order', () => lines('./order.txt').map(Number));

export const options = {
  scenarios: {
    questions: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE || @RATE@),
      timeUnit: '1s',
      duration: (__ENV.SECONDS || '@SECONDS@') + 's',
      preAllocatedVUs: users,
      maxVUs: users,
    },
  },
  thresholds: {
    http_req_duration: ['p(99)<@OBJECTIVE_MS@'],
    http_req_failed: ['rate==0'],
    checks: ['rate==1'],
    // A question for which no virtual user was free is not asked at all, and is in no latency.
    dropped_iterations: ['count==0'],
  },
  summaryTrendStats: ['avg', 'min', 'med', 'p(90)', 'p(99)', 'p(99.9)', 'max'],
};

const parameters = { headers: { 'Content-Type': 'application/json' } };

export default function () {
  const [body, tail] = questions[order[scenario.iterationInTest % order.length]].split('\t');
  const count = tail.slice(0, tail.indexOf(',') + 1);
  const answer = http.post(url, body, parameters);
  const text = answer.body || '';
  check(answer, {
    'status is 200': () => answer.status === 200,
    'count is right': () => text.includes(count),
    'certificates are right': () => text.endsWith(tail),
  });
}
