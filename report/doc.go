// Package report keeps the results of a run, and tells them.
//
// While a run goes on, a [Journal] takes each result as it comes: append-only
// text in the order in which rows finish. At the end a [CSV] joins the journal
// with the input again and writes one row for each row of the input, in the
// input's order. Everything that is told of a run comes from the journal and
// the input; nothing is counted twice.
//
// Afterwards [Results] reads an existing report, or a journal, and a [View]
// shows it in another form.
package report
