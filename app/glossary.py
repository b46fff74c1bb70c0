"""Each term of the screen in one sentence."""

TERMS = {
    "Away from the giants": "One less the probability that the mega-cap basket leads.",
    "Basis point": "A hundredth of a percent; 10 bp of a trade of 1,000 is 1.",
    "Basket": "One of three portfolios that are compared: the giants, the average large company, "
    "small companies.",
    "Break-even cost": "The cost of a trade at which a portfolio earns no more than its rival.",
    "Broadening": "The average large company earns more than the giants and than small companies.",
    "Brier score": "Mean squared distance between probabilities and what was so; 0 is perfect.",
    "Calibration": "Whether what is called 70% is so in 70 of 100 cases.",
    "Call": "The regime in words; it changes hands only when a rival is clearly ahead, so that "
    "it does not flicker.",
    "Challenger": "A newly trained model version that waits to be judged by the gate.",
    "Champion": "The model version in service; a challenger takes its place only by passing the "
    "gate.",
    "Climatology": "Always saying how often each regime was so in the past; the least a model "
    "must beat.",
    "Confirmed": "Of a day: no later return can change its place on the hindsight path; of a call: "
    "its probability is above 80%, or it is settled that its episode began.",
    "Contested": "The most probable regime has less than half, or is less than ten points ahead.",
    "Deflated Sharpe ratio": "Probability that the Sharpe ratio is more than the best of as many "
    "worthless trials would show.",
    "DEGRADED": "A figure the model needs came late, so the filter, which needs the baskets only, "
    "spoke for it.",
    "Drawdown": "How far a portfolio stands below its highest close so far.",
    "Edge": "The filter's log loss less the model's, in nats; above zero the model is better.",
    "Episode": "An unbroken stretch of one regime; episodes, not days, are independent cases.",
    "Filter": "The plain model to beat: yesterday's belief, updated with today's leads alone.",
    "Flip level": "How far a basket would have to move in five sessions for the call to change "
    "hands, all else standing still; no forecast.",
    "Gate": "Checks that a challenger must pass before it may take the champion's place.",
    "Handover": "The call has changed hands, and hindsight has not confirmed it yet.",
    "HELD": "The baskets of the newest day are incomplete, so it has no probabilities.",
    "Hindsight path": "Who led each day, told with all returns up to now; its newest stretch is "
    "provisional.",
    "Information ratio": "What a year brings over a rival, as a multiple of how much that varies.",
    "Horizon": "How many trading days ahead the regime is asked for.",
    "Lead": "A basket's return over the mean of the three, in units of its usual size.",
    "Ledger": "Every probability ever published, append-only; each row holds the hash of the one "
    "before, so that a change would show.",
    "Live record": "What was published before the next close, held against what came.",
    "Log loss": "Mean surprise at what was so, in nats; equal odds of three cost 1.099.",
    "Nat": "The unit of log loss and of log-probability; 0.69 nats double the odds.",
    "Out of sample": "Said of days after the end of training.",
    "Percentile": "Share of the known past with a lower value.",
    "Provisional": "May still change when later returns come.",
    "PUBLISHED": "Everything the model needs was known, and it has spoken.",
    "Quarantine": "Where values wait that looked wrong when they came; they enter no probability.",
    "Regime": "Who leads the US market: the giants, the average large company, or small companies.",
    "Replayed": "Not published at its time: said of the day by a model that had not seen it.",
    "Shapley share": "A family's part in a change, averaged over all orders in which families "
    "could have moved; the shares add up to the change.",
    "Standard deviation (sd)": "The usual size of a number's moves around its mean; two thirds of "
    "days lie within one.",
    "Third": "A signal's past values cut into three equally large groups, from lowest to highest.",
    "Time machine": "Shows every page as it was known at an earlier close.",
    "Turnover": "How often a year the whole portfolio changes hands.",
    "Vintage": "A figure as it was published on some day, before later revisions.",
    "Walk-forward": "Said by an earlier fit of the model that had not seen the day.",
}
