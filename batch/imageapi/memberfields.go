package imageapi

import (
	"bytes"
	"encoding/json"
	"time"
)

// What a list says of each member is read without a copy of its text: most of
// those who read a list only want to know who is in it.

// A memberStatus is the word for what a member has made of a share.
type memberStatus string

var memberStatuses = []memberStatus{"pending", "accepted", "rejected"}

// UnmarshalJSON implements [json.Unmarshaler]. What is no text is left out.
func (s *memberStatus) UnmarshalJSON(text []byte) error {
	for _, known := range memberStatuses {
		if string(bytes.Trim(text, `"`)) == string(known) {
			*s = known
			return nil
		}
	}
	var other string
	if json.Unmarshal(text, &other) == nil {
		*s = memberStatus(oneLine(other, 100))
	}
	return nil
}

// A moment is a time as image services write it: RFC 3339, or the same without a
// time zone, in UTC. It is zero when it is written in another way.
type moment time.Time

// UnmarshalJSON implements [json.Unmarshaler].
func (m *moment) UnmarshalJSON(text []byte) error {
	*m = moment{}
	text = bytes.Trim(text, `"`)
	var t time.Time
	if t.UnmarshalText(text) == nil {
		*m = moment(t.UTC())
	} else if t, err := time.Parse("2006-01-02T15:04:05", string(text)); err == nil {
		*m = moment(t)
	}
	return nil
}
