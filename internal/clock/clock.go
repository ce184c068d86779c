// Package clock tells the time by which months begin and keys expire. Programs that are built with the tag
// khocr_stepped_clock keep a distance from the true time, so that tests need not wait for the end of a month; no program
// that ships is. Whatever is agreed with other machines, certificates, tokens and leases, must go by the true time instead.
package clock
