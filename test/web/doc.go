// Package web tests the page for people in a real browser, as they use it: with the mouse, with the keyboard alone, and in both
// languages. It is a module of its own because the product needs no browser.
package web
