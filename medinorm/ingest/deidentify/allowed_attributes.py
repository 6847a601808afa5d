"""What of a DICOM header may stay: all that is not listed here goes.

The lists hold what says how an image was made and where it lies. Nothing in them is
free text, with the exceptions that `deidentify` rewrites, and codes stay only if they
are words of the standard.

References:
    DICOM PS3.15, annex E, table E.1-1: the Basic Application Level Confidentiality
    Profile; what it does not name, and what it lets be cleaned, is judged here.
"""

_IMAGE = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
    *("FrameOfReferenceUID", "Modality", "ImageType", "SeriesNumber", "InstanceNumber"),
    *("AcquisitionNumber", "ImagesInAcquisition", "NumberOfFrames", "Laterality"),
    *("ImageLaterality", "BodyPartExamined", "PatientPosition", "PatientOrientation"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
    *("SliceThickness", "SpacingBetweenSlices", "SliceLocation", "GantryDetectorTilt"),
    *("TemporalPositionIdentifier", "NumberOfTemporalPositions", "TemporalResolution"),
    *("SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns"),
    *("PixelAspectRatio", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "SmallestImagePixelValue", "LargestImagePixelValue"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "WindowCenter", "WindowWidth"),
    *("VOILUTFunction", "RescaleIntercept", "RescaleSlope", "RescaleType"),
    *("LossyImageCompression", "LossyImageCompressionRatio"),
    *("LossyImageCompressionMethod", "BurnedInAnnotation"),
    *("RecognizableVisualFeatures", "ContentQualification"),
    *("PresentationLUTShape", "PixelPresentation", "VolumetricProperties"),
    *("VolumeBasedCalculationTechnique", "ComplexImageComponent"),
    *("AcquisitionContrast", "FrameType", "ReferencedSOPClassUID"),
    *("ReferencedSOPInstanceUID", "ReferencedFrameNumber", "ConcatenationUID"),
    *("InConcatenationNumber", "InConcatenationTotalNumber"),
    *("ConcatenationFrameOffsetNumber", "SOPInstanceUIDOfConcatenationSource"),
    *("SynchronizationFrameOfReferenceUID", "AcquisitionTimeSynchronized"),
    *("IrradiationEventUID", "TriggerTime", "NominalInterval", "CardiacNumberOfImages"),
)

_MR = (
    *("ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType"),
    *("AngioFlag", "RepetitionTime", "EchoTime", "InversionTime", "NumberOfAverages"),
    *("ImagingFrequency", "ImagedNucleus", "EchoNumbers", "MagneticFieldStrength"),
    *("NumberOfPhaseEncodingSteps", "EchoTrainLength", "PercentSampling"),
    *("PercentPhaseFieldOfView", "PixelBandwidth", "ReconstructionDiameter"),
    *("AcquisitionMatrix", "InPlanePhaseEncodingDirection", "FlipAngle"),
    *("VariableFlipAngleFlag", "SAR", "dBdt", "B1rms", "DiffusionBValue"),
    *("DiffusionGradientOrientation", "DiffusionDirectionality", "ResonantNucleus"),
    *(
        "KSpaceFiltering",
        "GeometryOfKSpaceTraversal",
        "RectilinearPhaseEncodeReordering",
    ),
    *("SegmentedKSpaceTraversal", "CoverageOfKSpace", "NumberOfKSpaceTrajectories"),
    *(
        "EchoPulseSequence",
        "MultipleSpinEcho",
        "MultiPlanarExcitation",
        "PhaseContrast",
    ),
    *(
        "TimeOfFlightContrast",
        "ArterialSpinLabelingContrast",
        "SteadyStatePulseSequence",
    ),
    *("EchoPlanarPulseSequence", "SaturationRecovery", "SpectrallySelectedSuppression"),
    *("SpectrallySelectedExcitation", "SpatialPresaturation", "Spoiling"),
    *("OversamplingPhase", "ApplicableSafetyStandardAgency", "InversionRecovery"),
    *("FlowCompensation", "FlowCompensationDirection", "T2Preparation", "Tagging"),
    *("BloodSignalNulling", "MagnetizationTransfer", "PartialFourier"),
    *("PartialFourierDirection", "ParallelAcquisition", "ParallelAcquisitionTechnique"),
    *("ParallelReductionFactorInPlane", "ParallelReductionFactorOutOfPlane"),
    *("ParallelReductionFactorSecondInPlane", "InversionTimes", "EffectiveEchoTime"),
    *("GradientEchoTrainLength", "RFEchoTrainLength", "TransmitterFrequency"),
    *("MRAcquisitionFrequencyEncodingSteps", "MRAcquisitionPhaseEncodingStepsInPlane"),
    *("MRAcquisitionPhaseEncodingStepsOutOfPlane", "ReceiveCoilType"),
    *("TransmitCoilType", "QuadratureReceiveCoil", "SpecificAbsorptionRateValue"),
    *("SpecificAbsorptionRateDefinition", "GradientOutputType", "GradientOutput"),
    *("OperatingModeType", "OperatingMode"),
    *("DiffusionBValueXX", "DiffusionBValueXY", "DiffusionBValueXZ"),
    *("DiffusionBValueYY", "DiffusionBValueYZ", "DiffusionBValueZZ"),
    *("DiffusionAnisotropyType", "AcquisitionDuration", "NumberOfZeroFills"),
)

_CT_AND_PET = (
    *("KVP", "DataCollectionDiameter", "DistanceSourceToDetector", "ExposureTime"),
    *("DistanceSourceToPatient", "TableHeight", "RotationDirection", "XRayTubeCurrent"),
    *("Exposure", "ExposureInuAs", "FilterType", "GeneratorPower", "FocalSpots"),
    *(
        "ConvolutionKernelGroup",
        "CTDIvol",
        "SpiralPitchFactor",
        "SingleCollimationWidth",
    ),
    *("TotalCollimationWidth", "TableSpeed", "TableFeedPerRotation", "RevolutionTime"),
    *("ExposureModulationType", "EstimatedDoseSaving", "AcquisitionType", "TubeAngle"),
    *("ReconstructionAlgorithm", "ReconstructionFieldOfView", "ReconstructionAngle"),
    *("ReconstructionPixelSpacing", "ReconstructionTargetCenterPatient"),
    *("DataCollectionCenterPatient", "TablePosition", "TableMotion", "ImageFilter"),
    *(
        "ExposureTimeInms",
        "XRayTubeCurrentInmA",
        "ExposureInmAs",
        "CalciumScoringMassFactorPatient",
    ),
    *("ConstantVolumeFlag", "FluoroscopyFlag", "MultienergyCTAcquisition"),
    *(
        "SeriesType",
        "Units",
        "CountsSource",
        "ReprojectionMethod",
        "RandomsCorrectionMethod",
    ),
    *("CorrectedImage", "CollimatorType", "DecayCorrection", "NumberOfSlices"),
    *("NumberOfTimeSlices", "FrameReferenceTime", "ActualFrameDuration", "DecayFactor"),
    *("DoseCalibrationFactor", "ScatterFractionFactor", "DeadTimeFactor", "ImageIndex"),
    *("SliceSensitivityFactor", "AxialAcceptance", "AxialMash", "TransverseMash"),
    *("DetectorElementSize", "CoincidenceWindowWidth", "SecondaryCountsType"),
    *("RadionuclideTotalDose", "RadionuclideHalfLife", "RadionuclidePositronFraction"),
    *("RadiopharmaceuticalVolume", "RadiopharmaceuticalSpecificActivity"),
    *("EnergyWindowLowerLimit", "EnergyWindowUpperLimit", "TypeOfDetectorMotion"),
    *("AttenuationCorrected", "ScatterCorrected", "DecayCorrected", "RandomsCorrected"),
    *("DeadTimeCorrected", "GantryMotionCorrected", "PatientMotionCorrected"),
)

_FRAMES = (
    *("DimensionOrganizationUID", "DimensionIndexPointer", "FunctionalGroupPointer"),
    *("DimensionIndexValues", "DimensionOrganizationType", "InStackPositionNumber"),
    *("TemporalPositionIndex", "FrameAcquisitionNumber", "FrameAcquisitionDuration"),
    *("CardiacCyclePosition", "RespiratoryCyclePosition", "TemporalPositionTimeOffset"),
    *("RealWorldValueFirstValueMapped", "RealWorldValueLastValueMapped"),
    *("RealWorldValueSlope", "RealWorldValueIntercept", "LUTFrameRange"),
    *("DoubleFloatRealWorldValueFirstValueMapped", "RealWorldValueLUTData"),
    *("DoubleFloatRealWorldValueLastValueMapped", "FrameLaterality"),
)

SEQUENCES = frozenset(
    {
        *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
        *("PixelMeasuresSequence", "PlanePositionSequence", "PlaneOrientationSequence"),
        *("FrameContentSequence", "FrameAnatomySequence", "FrameVOILUTSequence"),
        *("PixelValueTransformationSequence", "RealWorldValueMappingSequence"),
        *("DimensionOrganizationSequence", "DimensionIndexSequence"),
        *("MRImageFrameTypeSequence", "MRTimingAndRelatedParametersSequence"),
        *("MREchoSequence", "MRModifierSequence", "MRImagingModifierSequence"),
        *("MRFOVGeometrySequence", "MRAveragesSequence", "MRReceiveCoilSequence"),
        *("MRTransmitCoilSequence", "MRDiffusionSequence", "MRMetaboliteMapSequence"),
        *("DiffusionGradientDirectionSequence", "DiffusionBMatrixSequence"),
        *("SpecificAbsorptionRateSequence", "OperatingModeSequence"),
        *(
            "CTImageFrameTypeSequence",
            "CTAcquisitionTypeSequence",
            "CTExposureSequence",
        ),
        *("CTAcquisitionDetailsSequence", "CTTableDynamicsSequence"),
        *("CTPositionSequence", "CTGeometrySequence", "CTReconstructionSequence"),
        "CTXRayDetailsSequence",
        *("PETFrameTypeSequence", "PETFrameAcquisitionSequence", "PETPositionSequence"),
        *("PETReconstructionSequence", "PETFrameCorrectionFactorsSequence"),
        *("EnergyWindowRangeSequence", "RadiopharmaceuticalInformationSequence"),
        *("TemporalPositionSequence", "CardiacSynchronizationSequence"),
        *("ReferencedImageSequence", "SourceImageSequence", "ReferencedSeriesSequence"),
        *("ReferencedInstanceSequence", "DerivationImageSequence"),
        *("ConversionSourceAttributesSequence", "MeasurementUnitsCodeSequence"),
        *("UnassignedSharedConvertedAttributesSequence",),
    }
)

ATTRIBUTES = frozenset({*_IMAGE, *_MR, *_CT_AND_PET, *_FRAMES})

# Kept, moved, with dates; without them gone.
DATES = frozenset(
    {
        *("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "StudyTime"),
        *("SeriesTime", "AcquisitionTime", "ContentTime", "AcquisitionDateTime"),
        *("FrameAcquisitionDateTime", "FrameReferenceDateTime"),
        *("RadiopharmaceuticalStartTime", "RadiopharmaceuticalStopTime"),
        *("RadiopharmaceuticalStartDateTime", "RadiopharmaceuticalStopDateTime"),
        *("InstanceCreationDate", "InstanceCreationTime"),
    }
)
CHARACTERISTICS = frozenset(
    {"PatientSex", "PatientAge", "PatientSize", "PatientWeight"}
)

# Present in every object, empty where it is not kept (type 2 of PS3.3).
ALWAYS = (
    *("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"),
    *("AccessionNumber", "ReferringPhysicianName", "SeriesNumber", "InstanceNumber"),
    *("Manufacturer", "PositionReferenceIndicator"),
)

UNITS = frozenset(
    {
        *(
            "1",
            "[hnsf'U]",
            "s",
            "ms",
            "mm",
            "mm2",
            "mm2/s",
            "um2/s",
            "um2/ms",
            "10-6.mm2/s",
        ),
        *(
            "%",
            "ml/min",
            "ml/100g/min",
            "ml/(100.g)/min",
            "Bq/ml",
            "g/ml",
            "g/ml{SUVbw}",
        ),
        *("{counts}", "{ratio}", "mm/s", "cm/s", "[hu]", "T", "mT", "Hz", "ppm", "1/s"),
    }
)

# Codes that may stay, of all attributes with coded values.
CODES = frozenset(
    {
        # kind and origin of an image
        *("ORIGINAL", "DERIVED", "MIXED", "PRIMARY", "SECONDARY", "AXIAL", "LOCALIZER"),
        *("SAGITTAL", "CORONAL", "OBLIQUE", "VOLUME", "SAMPLED", "DISTORTED", "OTHER"),
        *("NONE", "YES", "NO", "UNKNOWN", "ND", "NORM", "DIS2D", "DIS3D", "DIS3D_2"),
        *("FM", "FM1", "FM2", "FIL", "SH", "FS", "PARALLEL", "PRODUCT", "RESEARCH"),
        *(
            "M",
            "P",
            "R",
            "I",
            "M_SE",
            "M_FFE",
            "M_IR",
            "M_PCA",
            "M_B0",
            "M_B1",
            "M_TSE",
        ),
        *(
            "PHASE MAP",
            "FFE",
            "SE",
            "IR",
            "TSE",
            "PCA",
            "B0",
            "B1",
            "MAGNITUDE",
            "PHASE",
        ),
        *("REAL", "IMAGINARY", "MPR", "MIP", "MIN_IP", "MAX_IP", "PROJECTION IMAGE"),
        *("MEAN", "MOSAIC", "CSA MPR", "CSA RESAMPLED", "RESAMPLED", "REFORMATTED"),
        *("REFORMATTED_IMAGE", "AVERAGE", "ADC", "EADC", "EXP_ADC", "FA", "TRACEW"),
        *("TRACE", "TENSOR", "COLFA", "DIFFUSION", "DIFFUSION_ANISO", "ISOTROPIC"),
        *("DIRECTIONAL", "BMATRIX", "PERFUSION", "CBF", "CBV", "RCBF", "RCBV", "MTT"),
        *("TTP", "TMAX", "PBP", "T1", "T2", "T2_STAR", "T1 MAP", "T2 MAP", "STIR"),
        *("T2_STAR MAP", "R2 MAP", "PROTON_DENSITY", "FLUID_ATTENUATED", "TAGGING"),
        *("FLOW_ENCODED", "TOF", "EPI", "FMRI", "ASL", "WATER", "FAT", "IN_PHASE"),
        *("OUT_PHASE", "IN_OUT_PHASE", "WATER_FAT", "FIELD_MAP", "EP", "ECHO_00"),
        *("STATIC", "DYNAMIC", "GATED", "WHOLE BODY", "IMAGE", "REPROJECTION"),
        *("CT_SOM5 SEQ", "CT_SOM5 SPI", "CT_SOM5 TOP", "CT_SOM7 SPI", "HU", "US", "OD"),
        # modality, patient, body
        *("MR", "CT", "PT", "F", "O", "L", "B", "U", "HFS", "HFP", "HFDR", "HFDL"),
        *("FFS", "FFP", "FFDR", "FFDL", "A", "H", "AL", "AR", "PL", "PR", "RA", "LA"),
        *("LP", "RP", "AH", "AF", "PH", "PF", "HL", "HR", "FL", "FR", "LH", "LF", "RH"),
        *("RF", "HA", "HP", "HEAD", "NECK", "BRAIN", "SKULL", "HEADNECK", "SPINE"),
        *("CSPINE", "TSPINE", "LSPINE", "SSPINE", "CHEST", "HEART", "LUNG", "BREAST"),
        *("ABDOMEN", "LIVER", "KIDNEY", "PANCREAS", "SPLEEN", "PELVIS", "PROSTATE"),
        *("UTERUS", "OVARY", "BLADDER", "RECTUM", "COLON", "HIP", "KNEE", "ANKLE"),
        *("FOOT", "SHOULDER", "ELBOW", "WRIST", "HAND", "ARM", "LEG", "FEMUR", "TIBIA"),
        *("EXTREMITY", "WHOLEBODY", "AORTA", "ORBIT", "IAC", "PITUITARY", "TMJ"),
        # pixels
        *("MONOCHROME1", "MONOCHROME2", "MONOCHROME", "COLOR", "LINEAR", "SIGMOID"),
        *("LINEAR_EXACT", "IDENTITY", "INVERSE", "00", "01", "ISO_10918_1", "MODIFIED"),
        *(
            "ISO_14495_1",
            "ISO_15444_1",
            "ISO_15444_15",
            "REMOVED",
            "3D",
            "2D",
            "3D_TEMPORAL",
        ),
        # magnetic resonance
        *("GR", "RM", "SK", "MTC", "SS", "TRSS", "SP", "MP", "OSP", "PER", "RG", "CG"),
        *("PPG", "FC", "PFF", "PFP", "SPIN", "GRADIENT", "BOTH", "FREE", "REAL_TIME"),
        *("N", "Y", "ROW", "COL", "COLUMN", "BODY", "VOLUME", "SURFACE", "MULTICOIL"),
        *("EXTREMITY", "SENSE", "SMASH", "PILS", "GRAPPA", "FULL", "CYLINDRICAL"),
        *(
            "ELLIPSOIDAL",
            "WEDGE",
            "RIESZ",
            "RECTILINEAR",
            "RADIAL",
            "SPIRAL",
            "CENTRIC",
        ),
        *("REVERSE_CENTRIC", "SEGMENTED", "REVERSE_LINEAR", "UNKNOWN", "SINGLE"),
        *(
            "PARTIAL",
            "FREQUENCY",
            "SLICE_SELECT",
            "COMBINATION",
            "SLAB",
            "RF",
            "RF_SPOILED",
        ),
        *("GRADIENT_SPOILED", "RF_AND_GRADIENT", "ACCELERATION", "VELOCITY", "LINE"),
        *(
            "GRID",
            "ON_RESONANCE",
            "OFF_RESONANCE",
            "WATER_EXC",
            "FAT_SAT",
            "SPIR",
            "SPAIR",
        ),
        *("1H", "31P", "23NA", "13C", "19F", "129XE", "3HE", "IEC", "FDA", "MHW"),
        *("IEC_WHOLE_BODY", "IEC_PARTIAL_BODY", "IEC_HEAD", "IEC_LOCAL", "IEC_NORMAL"),
        *("IEC_FIRST_LEVEL", "IEC_SECOND_LEVEL", "STATIC FIELD", "DB_DT", "E_FIELD"),
        *(
            "ACC_GEMS",
            "EDR_GEMS",
            "EPI_GEMS",
            "FAST_GEMS",
            "FILTERED_GEMS",
            "NPW",
            "VASC_GEMS",
        ),
        *(
            "IR_GEMS",
            "TRF_GEMS",
            "FR_GEMS",
            "PFF",
            "SAT_GEMS",
            "CL_GEMS",
            "FC_FREQ_AX_GEMS",
        ),
        *(
            "DIXON",
            "HYDROGEN",
            "ONE_COMP",
            "2_STAR",
            "PSEUDO_CONT",
            "PULSED",
            "CONTINUOUS",
        ),
        # computed tomography and positron emission
        *("CW", "CC", "AXIAL MODE", "HELICAL MODE", "HELIX", "SEQUENCE", "SEQUENCED"),
        *("CONSTANT_ANGLE", "STATIONARY", "FILTER_BACK_PROJ", "ITERATIVE", "BOWTIE"),
        *("WEDGE", "BUTTERFLY", "MULTIPLE", "FLAT", "SHAPED", "XYZ_EC", "BHC", "CTDI"),
        *(
            "BQML",
            "CNTS",
            "CPS",
            "PROPCNTS",
            "GML",
            "CM2ML",
            "PCNT",
            "EMISSION",
            "ADMIN",
        ),
        *(
            "TRANSMISSION",
            "START",
            "DECY",
            "ATTN",
            "SCAT",
            "DTIM",
            "MOTN",
            "PMOT",
            "CLN",
        ),
        *("RAN", "RADL", "DCAL", "DLYD", "SING", "SINGLES", "SSS", "STEP AND SHOOT"),
        *("DELAYED EVENT", "RANDOMS", "WHOLE_BODY", "TABLE", "STEP", "COUNTS"),
    }
)
