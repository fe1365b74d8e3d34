//go:build linux

package main

import (
	"encoding/json"
	"time"
)

// arrivals are the times at which requests came in, by the server's clock, in
// nanoseconds. They are in order.
type arrivals struct {
	at []int64
	// rows is how many requests had come when every row had been sent for the
	// first time; 0 before that. After it a job only waits for the rows that are
	// tried again.
	rows int
}

func (a *arrivals) add(now time.Time) { a.at = append(a.at, now.UnixNano()) }

// A count is what a server has counted.
type count struct {
	Requests int `json:"requests"`
	// Sent is how many requests had come when every row had been sent for the
	// first time, Seconds how long that took from the first one, and Gap the
	// longest time without any, in seconds.
	Sent    int     `json:"sent"`
	Seconds float64 `json:"seconds"`
	Gap     float64 `json:"gap"`
	// Most is the largest number of requests in one second, wherever that
	// begins, First that of the first second, and AfterGap that of the second
	// after the gap.
	Most     int `json:"most"`
	First    int `json:"first"`
	AfterGap int `json:"after_gap"`
}

func (a *arrivals) counts() string {
	var c count
	if a.rows > 0 {
		c = count{Requests: len(a.at), Sent: a.rows, Seconds: time.Duration(a.at[a.rows-1] - a.at[0]).Seconds()}
		begin, after := 0, 0 // of the second that ends here, of the one after the gap
		var gap int64
		for i, at := range a.at {
			for at-a.at[begin] >= int64(time.Second) {
				begin++
			}
			c.Most = max(c.Most, i-begin+1)
			if i > 0 && i < a.rows && at-a.at[i-1] > gap {
				gap, after = at-a.at[i-1], i
			}
		}
		c.Gap = time.Duration(gap).Seconds()
		c.First, c.AfterGap = a.within(0), a.within(after)
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
