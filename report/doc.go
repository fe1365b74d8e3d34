// Package report keeps the rows of a run and their results, and tells them.
//
// Before anything is sent, a [Plan] gets the rows of the input. A [Journal] begins
// with them, and while the run goes on takes each result as it comes: append-only
// text in the order in which rows finish. At the end a [CSV] is made of the journal
// alone, with one row for each row of the input, in the input's order.
//
// At any time [Results] reads a report, or a journal, which has the same rows, and a
// [View] shows them in another form.
package report
