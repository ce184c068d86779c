// Command pause is the first process of every pod: it holds the pod's network
// namespace open while the pod's containers come and go. It must do nothing
// else, so that it costs no CPU and next to no memory.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
}
