package batch

import (
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/time/rate"
)

// A pace decides when the next request may start. It keeps the whole pool to the
// job's rate, pauses it when the server asks for it, and slows it down for a while
// when the server throttles it.
//
// A throttled pool pauses, continues at seven tenths of its rate, and regains a
// fortieth of the old rate per second in which requests are answered: additive
// increase, multiplicative decrease, as in TCP (RFC 5681, with the gentler cut of
// RFC 9438).
type pace struct {
	limiter *limiter
	// jobRate is the job's rate, rate.Inf for none. ceiling is the same, or until
	// limitedUntil a limit named by the server.
	jobRate, ceiling rate.Limit
	limitedUntil     time.Time

	pausedUntil time.Time
	pauses      *backoff.ExponentialBackOff // for servers that do not name one

	cutAt     time.Time  // when the rate was cut last
	changedAt time.Time  // when it was changed last
	step      rate.Limit // regained at a time; 0 before the first throttling

	seen observed
}

const (
	// slowest is the lowest rate after throttling, fast enough to notice that the
	// server has recovered.
	slowest = rate.Limit(0.1)
	// cut is the part of the rate that is left after throttling, steps the number of
	// seconds that regain all of it.
	cut   = 0.7
	steps = 40
	// raiseEvery is the time between two raises of the rate.
	raiseEvery = time.Second
	// A limit named by the server is kept for its window, but at least for limitKept
	// and at most for maxLimitKept. So an hour's quota is not spent in ten minutes,
	// and a limit that is outdated, or was never true, does not slow down the rest
	// of the run.
	limitKept    = 10 * time.Minute
	maxLimitKept = time.Hour
)

func newPace(perSecond float64) *pace {
	limit := rate.Limit(perSecond)
	if perSecond == Unlimited {
		limit = rate.Inf
	}
	return &pace{limiter: newLimiter(time.Now(), limit), jobRate: limit, ceiling: limit, pauses: newBackoff()}
}

// pace returns the pace at the start of a run.
func (j *Job) pace() *pace {
	switch {
	case j.Pace == nil:
		return newPace(j.Rate)
	case j.Pace.learnt == nil:
		j.Pace.learnt = newPace(j.Rate)
	}
	return j.Pace.learnt
}

// take takes a token for the next request. If it returns 0, the request may start;
// otherwise it returns how long to wait before the next call.
func (p *pace) take(now time.Time) time.Duration {
	if !p.pausedUntil.IsZero() {
		if wait := p.pausedUntil.Sub(now); wait > 0 {
			return wait
		}
		p.pausedUntil = time.Time{}
		p.limiter.drain(now)
	}
	if p.ceiling == rate.Inf && p.limiter.Limit() == rate.Inf {
		p.seen.count(now)
		return 0
	}
	if wait := p.limiter.take(now); wait > 0 {
		return wait
	}
	p.seen.count(now)
	return 0
}

// pause pauses the pool for d. It returns how long the pool is paused from now, which
// is longer if an earlier pause lasts longer.
func (p *pace) pause(now time.Time, d time.Duration) time.Duration {
	if until := now.Add(min(d, MaxRetryAfter)); until.After(p.pausedUntil) {
		p.pausedUntil = until
	}
	return p.pausedUntil.Sub(now)
}

// throttle pauses the pool for as long as the server asks, or for a growing time if it
// does not say, and slows it down, once for all requests started by then. It
// returns how long the pool is paused, and the new rate, 0 if it has not changed.
func (p *pace) throttle(started, now time.Time, retryAfter time.Duration) (pausedFor time.Duration, newRate float64) {
	if !started.After(p.cutAt) {
		return p.pause(now, retryAfter), 0 // an answer to the same burst
	}
	if retryAfter <= 0 {
		retryAfter = p.pauses.NextBackOff()
	}
	current := p.limiter.Limit()
	if current == rate.Inf {
		current = p.seen.rate(now)
	}
	if p.step == 0 {
		p.step = current / steps
	}
	p.cutAt = now
	p.setLimit(now, max(current*cut, min(slowest, p.ceiling)))
	return p.pause(now, retryAfter), float64(p.limiter.Limit())
}

// limit applies a limit named by the server, in requests a second, counted over
// window. It returns the new ceiling, or 0 if that has not changed because the
// limit is zero or not below it. No limit makes the pool slower than throttling
// does, so that the run goes on whatever the server says.
func (p *pace) limit(now time.Time, perSecond float64, window time.Duration) (ceiling float64) {
	limit := max(rate.Limit(perSecond), min(slowest, p.jobRate))
	if perSecond <= 0 || limit >= p.jobRate || limit > p.ceiling {
		return 0
	}
	p.limitedUntil = now.Add(min(max(window, limitKept), maxLimitKept))
	if limit == p.ceiling {
		return 0
	}
	p.ceiling = limit
	if p.limiter.Limit() > limit {
		p.setLimit(now, limit)
	}
	return float64(limit)
}

// answered notes that a request was answered, see [Answer.answered].
func (p *pace) answered(now time.Time) {
	p.pauses.Reset()
	if p.ceiling < p.jobRate && !now.Before(p.limitedUntil) {
		p.ceiling = p.jobRate
	}
	if limit := p.limiter.Limit(); limit < p.ceiling && now.Sub(p.changedAt) >= raiseEvery {
		// An unlimited pool may have been throttled before it was fast.
		p.setLimit(now, min(limit+max(p.step, limit/steps), p.ceiling))
	}
}

func (p *pace) setLimit(now time.Time, limit rate.Limit) {
	p.limiter.setLimit(now, limit)
	p.changedAt = now
}

// observed measures how many requests an unlimited pool starts per second.
type observed struct {
	since   time.Time
	started int
	last    rate.Limit // in the second before since
}

func (o *observed) count(now time.Time) {
	if elapsed := now.Sub(o.since); elapsed >= time.Second {
		o.last = rate.Limit(float64(o.started) / elapsed.Seconds())
		o.since, o.started = now, 0
	}
	o.started++
}

// rate returns the recent rate of requests.
func (o *observed) rate(now time.Time) rate.Limit {
	const shortest = 0.05 // seconds that say something
	lately := rate.Limit(float64(o.started) / max(shortest, now.Sub(o.since).Seconds()))
	return max(lately, o.last)
}
