//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
)

// writePairs writes a file of n pairs, ten of each image. One in so many is a
// repeat of an earlier one; none is when repeats is 0.
func writePairs(path string, n, repeats int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(file, 1<<20)
	fmt.Fprintln(w, "image_id,member_id")
	for i := range n {
		if repeats > 0 && i%repeats == repeats-1 {
			i /= 2
		}
		p := pair(i)
		fmt.Fprintf(w, "%s,%s\n", p[0], p[1])
	}
	return errors.Join(w.Flush(), file.Close())
}

// pair is the i-th pair of ids that look like those of a cloud.
func pair(i int) [2]string {
	return [2]string{
		fmt.Sprintf("%08x-5b1a-4c57-9a41-%012x", uint32(i/10)*2654435761, i/10),
		fmt.Sprintf("%08x%024x", uint32(i)*2654435761, i),
	}
}
