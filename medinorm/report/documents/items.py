"""The items of the checklists, each in our own short words, and what answers it.

The last entry of an item names a fact of `medinorm.report.documents.facts`; it is empty
where a study cannot know the answer.
"""

Item = tuple[str, str, str]

CLAIM_SOURCE = (
    "Tejani et al., Checklist for Artificial Intelligence in Medical Imaging (CLAIM): "
    "2024 Update, Radiology: Artificial Intelligence 2024, doi:10.1148/ryai.240300"
)
CLAIM: tuple[Item, ...] = (
    ("1", "title names the kind of AI", ""),
    ("2", "structured abstract", ""),
    ("3", "background and intended use", ""),
    ("4", "aims and hypotheses", "aim"),
    ("5", "prospective or retrospective", ""),
    ("6", "goal of the study", "aim"),
    ("7", "sources of the data", "data"),
    ("8", "who was included and excluded", "excluded"),
    ("9", "preprocessing", "preprocessing"),
    ("10", "choice of subsets of the data", "division"),
    ("11", "de-identification", "deidentified"),
    ("12", "missing data", "missing"),
    ("13", "acquisition of the images", "acquisition"),
    ("14", "definition of the reference standard", ""),
    ("15", "why this reference standard", ""),
    ("16", "who annotated, with which tools", ""),
    ("17", "annotation of the test set", ""),
    ("18", "variability between annotators", ""),
    ("19", "how data were divided", "division"),
    ("20", "at which level the parts are disjoint", "disjoint"),
    ("21", "sample size and how it was chosen", "size"),
    ("22", "the model", "model"),
    ("23", "software", "software"),
    ("24", "initial weights", "initial"),
    ("25", "training", "training"),
    ("26", "choice of the final model", "selection"),
    ("27", "ensembles", "ensemble"),
    ("28", "metrics", "scores"),
    ("29", "uncertainty and significance", "statistics"),
    ("30", "robustness", "gap"),
    ("31", "explainability", ""),
    ("32", "evaluation on data of the same kind", "internal"),
    ("33", "test on external data", "external"),
    ("34", "registration of a clinical trial", ""),
    ("35", "flow of cases", "flow"),
    ("36", "demographics of each part", ""),
    ("37", "performance", "performance"),
    ("38", "precision of the estimates", "performance"),
    ("39", "analysis of failures", "failures"),
    ("40", "limitations", "limits"),
    ("41", "implications for practice", ""),
    ("42", "where the protocol is", "configuration"),
    ("43", "availability of code, model and data", "availability"),
    ("44", "funding and conflicts of interest", ""),
)

TRIPOD_SOURCE = (
    "Collins et al., TRIPOD+AI statement: updated guidance for reporting clinical "
    "prediction models that use regression or machine learning methods, BMJ 2024, "
    "doi:10.1136/bmj-2023-078378"
)
TRIPOD: tuple[Item, ...] = (
    ("1", "title", ""),
    ("2", "abstract", ""),
    ("3a", "health context and reason for the model", ""),
    ("3b", "target population and users", ""),
    ("3c", "known inequalities in health", ""),
    ("4", "objectives", "aim"),
    ("5a", "sources of the data", "data"),
    ("5b", "dates of the data", ""),
    ("6a", "setting", "acquisition"),
    ("6b", "eligibility", "excluded"),
    ("6c", "treatments", ""),
    ("7", "preparation of the data", "preprocessing"),
    ("8a", "outcome: what is segmented", "data"),
    ("8b", "who assessed the outcome", ""),
    ("8c", "blinding of the assessment", ""),
    ("9a", "choice of predictors", "preprocessing"),
    ("9b", "definition of predictors", "acquisition"),
    ("9c", "who assessed predictors", ""),
    ("10", "sample size", "size"),
    ("11", "missing data", "missing"),
    ("12a", "how data were divided", "division"),
    ("12b", "handling of predictors", "preprocessing"),
    ("12c", "model and training", "training"),
    ("12d", "heterogeneity between clusters", "gap"),
    ("12e", "measures of performance", "scores"),
    ("12f", "updating of the model", "updating"),
    ("12g", "how predictions were calculated", "model"),
    ("13", "class imbalance", "imbalance"),
    ("14", "fairness", ""),
    ("15", "output of the model", "output"),
    ("16", "differences between training and evaluation", "division"),
    ("17", "ethical approval", ""),
    ("18a", "funding", ""),
    ("18b", "conflicts of interest", ""),
    ("18c", "protocol", "configuration"),
    ("18d", "registration", ""),
    ("18e", "sharing of data", ""),
    ("18f", "sharing of code", "availability"),
    ("19", "involvement of patients and the public", ""),
    ("20a", "flow of participants", "flow"),
    ("20b", "characteristics of participants", ""),
    ("20c", "comparison of development and evaluation data", "acquisition"),
    ("21", "numbers in development and evaluation", "size"),
    ("22", "full model, to allow predictions", "availability"),
    ("23a", "performance with intervals", "performance"),
    ("23b", "heterogeneity of performance", "gap"),
    ("24", "results of updating", "updating"),
    ("25", "interpretation", "verdict"),
    ("26", "limitations", "limits"),
    ("27a", "poor or missing input data in use", "missing"),
    ("27b", "interaction and expertise of users", ""),
    ("27c", "next steps for research", ""),
)

CARD_SOURCE = (
    "Mitchell et al., Model Cards for Model Reporting, FAT* 2019, "
    "doi:10.1145/3287560.3287596"
)
CARD: tuple[Item, ...] = (
    ("Model", "which variant, which version", "model"),
    ("Weights", "where they are", "availability"),
    ("Intended use", "users and uses in scope", ""),
    ("Out of scope", "uses that are not covered", "limits"),
    ("Factors", "what performance depends on", "acquisition"),
    ("Metrics", "what was measured", "scores"),
    ("Evaluation data", "on what it was tested", "size"),
    ("Training data", "on what it was trained", "data"),
    ("Results", "performance with intervals", "performance"),
    ("Failures", "how often it failed", "failures"),
    ("Ethics", "approval, sensitive data", ""),
    ("Caveats", "what speaks against it", "limits"),
)
