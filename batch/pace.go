package batch

import (
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/time/rate"
)

// A pace says when the next request may start. It holds the whole pool to the
// job's rate, pauses it when the server asks for that, and slows it down for
// a while when the server says that it was too fast.
//
// A throttled pool pauses, goes on at seven tenths of its rate, and wins back a
// fortieth of what it had in each second in which the server is at work: additive increase, multiplicative decrease, as TCP does it (RFC 5681,
// with the gentler cut of RFC 9438).
type pace struct {
	limiter *limiter
	// most is the job's rate, rate.Inf when it is not paced. ceiling is the same,
	// or until limitedUntil the limit that the server has named.
	most, ceiling rate.Limit
	limitedUntil  time.Time

	pausedUntil time.Time
	pauses      *backoff.ExponentialBackOff // for servers that do not say how long

	cutAt     time.Time  // when the rate was cut last
	changedAt time.Time  // when it was changed last
	step      rate.Limit // what is won back at a time; 0 before the first throttle

	seen observed
}

const (
	// slowest is the lowest rate that throttling leads to: it has to stay
	// quick enough to notice that the server is well again.
	slowest = rate.Limit(0.1)
	// cut is what is left of the rate after a throttle, steps how many seconds
	// win back all of it.
	cut   = 0.7
	steps = 40
	// raiseEvery is how long the rate stays as it is before it is raised.
	raiseEvery = time.Second
	// limitKept is for how long a limit is kept after the server has named it, and
	// maxLimitKept for how long if it holds for a longer time. What an hour
	// allows is not spent in ten minutes; and a limit that is not meant any more,
	// or was never true, does not slow down the rest of the run.
	limitKept    = 10 * time.Minute
	maxLimitKept = time.Hour
)

func newPace(perSecond float64) *pace {
	limit := rate.Limit(perSecond)
	if perSecond == Unlimited {
		limit = rate.Inf
	}
	return &pace{limiter: newLimiter(time.Now(), limit), most: limit, ceiling: limit, pauses: newBackoff()}
}

// pace is how a run of the job begins.
func (j *Job) pace() *pace {
	switch {
	case j.Pace == nil:
		return newPace(j.Rate)
	case j.Pace.learnt == nil:
		j.Pace.learnt = newPace(j.Rate)
	}
	return j.Pace.learnt
}

// take takes the token for the next request. When it returns 0 the request
// may start; otherwise that is how long to wait before asking again.
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

// pause keeps every request from starting for d, and reports how long the
// pool is paused from now, which is longer when it was paused for longer.
func (p *pace) pause(now time.Time, d time.Duration) time.Duration {
	if until := now.Add(min(d, MaxRetryAfter)); until.After(p.pausedUntil) {
		p.pausedUntil = until
	}
	return p.pausedUntil.Sub(now)
}

// throttle pauses the pool for as long as the server asks, or for a growing
// time when it does not say, and slows it down, once for all requests that had
// started by then. It reports how long the pool is paused and the new rate, 0
// when it has not changed.
func (p *pace) throttle(started, now time.Time, retryAfter time.Duration) (pausedFor time.Duration, newRate float64) {
	if !started.After(p.cutAt) {
		return p.pause(now, retryAfter), 0 // an answer to the same rush
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

// limit takes over a limit that the server has named: so many requests a second,
// counted over window. It reports the new ceiling, 0 when that stays: when none
// was named, or none below it. No limit makes the pool slower than throttling
// does, so that the run goes on whatever the server says.
func (p *pace) limit(now time.Time, perSecond float64, window time.Duration) (ceiling float64) {
	limit := max(rate.Limit(perSecond), min(slowest, p.most))
	if perSecond <= 0 || limit >= p.most || limit > p.ceiling {
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

// answered takes an answer into account that shows the server at work.
func (p *pace) answered(now time.Time) {
	p.pauses.Reset()
	if p.ceiling < p.most && !now.Before(p.limitedUntil) {
		p.ceiling = p.most
	}
	if limit := p.limiter.Limit(); limit < p.ceiling && now.Sub(p.changedAt) >= raiseEvery {
		// A pool that is not paced was perhaps throttled before it was quick.
		p.setLimit(now, min(limit+max(p.step, limit/steps), p.ceiling))
	}
}

func (p *pace) setLimit(now time.Time, limit rate.Limit) {
	p.limiter.setLimit(now, limit)
	p.changedAt = now
}

// observed measures how many requests start in a second, for a pool that is
// not paced until the server throttles it.
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

// rate is how many requests started a second, lately.
func (o *observed) rate(now time.Time) rate.Limit {
	const shortest = 0.05 // seconds that say something
	lately := rate.Limit(float64(o.started) / max(shortest, now.Sub(o.since).Seconds()))
	return max(lately, o.last)
}
