"""The ordered log: its words (`contracts`), its tables (`store`), and the loop that moves it (`loop`)."""
