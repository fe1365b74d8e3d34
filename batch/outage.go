package batch

import (
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// An outage is a time in which the server does nothing for anybody. It is
// waited out: no row is sent, and so none spends its attempts on it. Instead a
// read is made now and then, alone, until one is served.
//
// Too many requests are no outage: the pool is paused for that, and goes on with
// its rows. But the patience is for both.
type outage struct {
	patience time.Duration
	// since is when the first request was made that was not served, of those
	// after the last one that was, which ended at servedAt. The time before it, in
	// which perhaps nothing was asked for, is not the server's.
	since, servedAt time.Time
	unserved        int // requests since then
	bad             int // answers of a server in trouble since it last did anything
	// probe is the read that waits to be made, or is under way; nil when there
	// is no outage.
	probe  *task
	delays *backoff.ExponentialBackOff
}

const (
	// outageAfter and outageAnswers say when trouble is an outage: when so many
	// answers in a row were bad, for so long. Both are reached well before a
	// row has spent the default attempts. To take a few unlucky rows for an
	// outage costs no more than a read and a pause of about half a second.
	outageAfter   = time.Second
	outageAnswers = 3
)

// watch notices, by the last answer to t, when an outage begins and ends.
func (d *dispatcher) watch(t *task, event *Event) {
	o := &d.outage
	m := t.last.Meaning
	if !m.transient() {
		o.over(t)
		o.unserved, o.servedAt = 0, t.ended
		return
	}
	lasting := o.count(t)
	if m == Throttled {
		o.over(t)
		if o.patience > 0 && o.unserved >= outageAnswers && lasting >= o.patience {
			d.endOutage(t)
		}
		return
	}
	o.bad++
	if o.probe == nil && o.patience > 0 && o.bad >= outageAnswers && lasting >= outageAfter && d.stopped == nil {
		o.delays = newBackoff()
		o.probe = t.asProbe()
		d.opening.start(t.ended)
		d.scheduleProbe(t.ended)
	}
	if o.probe != nil {
		event.Outage = lasting
	}
}

// over ends the outage, if there is one, by the answer to t.
func (o *outage) over(t *task) {
	if t != o.probe {
		o.probe = nil
	}
	o.bad, o.delays = 0, nil
}

// count counts a request that was not served, and reports for how long none was.
func (o *outage) count(t *task) time.Duration {
	if o.unserved == 0 {
		o.since = t.started
		if o.since.Before(o.servedAt) {
			o.since = o.servedAt
		}
	}
	o.unserved++
	return t.ended.Sub(o.since)
}

// scheduleProbe says when the next read is made: in a growing time, and once
// more when the patience ends.
func (d *dispatcher) scheduleProbe(now time.Time) {
	o := &d.outage
	o.probe.due = now.Add(o.delays.NextBackOff())
	if end := o.since.Add(o.patience); o.probe.due.After(end) {
		o.probe.due = end
	}
}

// startProbe makes the read when its time has come and nothing else is under
// way, and reports how long that takes otherwise.
func (d *dispatcher) startProbe(now time.Time) (wait time.Duration) {
	probe := d.outage.probe
	if d.inFlight > 0 {
		return untilSomethingEnds
	}
	if wait := probe.due.Sub(now); wait > 0 {
		return wait
	}
	if wait := d.pace.take(now); wait > 0 {
		return wait
	}
	d.start(probe, now)
	return untilSomethingEnds
}

// probed acts on the answer to the read.
func (d *dispatcher) probed(t *task) {
	o := &d.outage
	switch {
	case o.probe != t: // the run has been stopped
	case o.bad == 0:
		o.probe = nil // it is over
	case t.ended.Sub(o.since) >= o.patience:
		d.endOutage(t)
	default:
		d.scheduleProbe(t.ended)
	}
}

// endOutage stops the run, whose patience the last answer to t has used up.
func (d *dispatcher) endOutage(t *task) {
	d.stop(fmt.Errorf("%w: nothing was served for %v; the last answer: %s",
		ErrOutage, t.ended.Sub(d.outage.since).Round(time.Second), t.last.Message))
}

// asProbe is a read of what t is about: of a page of the image list, or of the
// member list of its image.
func (t *task) asProbe() *task {
	return &task{probe: true, images: t.images, row: Row{Pair: Pair{ImageID: t.imageID()}}}
}
