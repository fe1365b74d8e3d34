//go:build linux

package main

import (
	"encoding/json"
	"time"
)

// arrivals are the times at which requests came in, by the server's clock, in
// nanoseconds. They are in order.
type arrivals struct{ at []int64 }

func (a *arrivals) add(now time.Time) { a.at = append(a.at, now.UnixNano()) }

// A count is what a server has counted.
type count struct {
	Requests int `json:"requests"`
	// Mean is how many came in a second, as long as the job had enough to send:
	// over the first four fifths of them, and not beyond a gap of a second and a
	// half. In the end a job only waits for rows that were tried often.
	Mean float64 `json:"mean"`
	// Most is the largest number of requests in one second, wherever that
	// begins, First that of the first second, and AfterPause that of the second
	// after the longest gap.
	Most       int `json:"most"`
	First      int `json:"first"`
	AfterPause int `json:"after_pause"`
}

func (a *arrivals) counts() string {
	var c count
	if n := len(a.at); n > 1 {
		c = count{Requests: n}
		gap, after := int64(0), 0
		first := 0
		for i, at := range a.at {
			for at-a.at[first] >= int64(time.Second) {
				first++
			}
			c.Most = max(c.Most, i-first+1)
			if i > 0 && at-a.at[i-1] > gap {
				gap, after = at-a.at[i-1], i
			}
		}
		end := n * 4 / 5
		if gap > int64(1500*time.Millisecond) && after > 1 {
			end = min(end, after-1)
		}
		c.Mean = float64(end) / time.Duration(a.at[end]-a.at[0]).Seconds()
		c.First, c.AfterPause = a.within(0), a.within(after)
	}
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // numbers only
	}
	return string(text)
}

// within counts the requests of the second that begins with the i-th one.
func (a *arrivals) within(i int) int {
	n := 0
	for _, at := range a.at[i:] {
		if at-a.at[i] >= int64(time.Second) {
			break
		}
		n++
	}
	return n
}
