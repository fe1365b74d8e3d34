package main

import (
	"fmt"
	"strings"

	"imsrevoke/batch"
	"imsrevoke/batch/manifest"
)

// selection is the part of the file that the flags choose.
func (o *runOptions) selection() manifest.Selection {
	s := manifest.Selection{Shard: o.shard.Shard, Images: o.images.list, Members: o.members.list}
	if o.outcome != "" {
		s.Where = append(s.Where, manifest.Condition{Column: "outcome", Value: string(o.outcome), Expected: "the report of a run"})
	}
	s.Where = append(s.Where, o.where...)
	return s
}

// chooses reports whether the flags choose from the file.
func (o *runOptions) chooses() bool { return o.shard.Count > 0 || o.choosesIDs() }

// choosesIDs reports whether they do so by what is in the rows.
func (o *runOptions) choosesIDs() bool {
	return o.outcome != "" || len(o.where) > 0 || len(o.images.list) > 0 || len(o.members.list) > 0
}

// chosen tells what the flags choose, empty when that is the whole file.
func (o *runOptions) chosen() string {
	var words []string
	if o.outcome != "" {
		words = append(words, "outcome "+string(o.outcome))
	}
	for _, c := range o.where {
		words = append(words, fmt.Sprintf("%s %q", c.Column, c.Value))
	}
	if o.shard.Count > 0 {
		part := "shard " + o.shard.String()
		if pace := o.pace(); pace != o.rate {
			part += fmt.Sprintf(" at %s of %s", &pace, &o.rate)
		}
		words = append(words, part)
	}
	for _, l := range []struct {
		what string
		list []string
	}{{"image", o.images.list}, {"member", o.members.list}} {
		switch len(l.list) {
		case 0:
		case 1:
			words = append(words, l.what+" "+l.list[0])
		default:
			words = append(words, plural(len(l.list), l.what))
		}
	}
	return strings.Join(words, ", ")
}

// pace is the rate of this run, which is a part of the whole rate when the run
// has a part of the file.
func (o *runOptions) pace() rate {
	if o.shard.Count == 0 || o.rate == batch.Unlimited {
		return o.rate
	}
	return o.rate / rate(o.shard.Count)
}
