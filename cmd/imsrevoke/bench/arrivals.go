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
	// Seconds is the time from the first request to the last.
	Seconds float64 `json:"seconds"`
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
		c = count{Requests: n, Seconds: time.Duration(a.at[n-1] - a.at[0]).Seconds()}
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
